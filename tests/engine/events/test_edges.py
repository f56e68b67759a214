"""Peers that wait for nobody: letters under way, and calls in pairs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord import clocks
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import MethodError
from accord.runtimes import Timed

H, C, P = np.array([1.0, 2.0, 4.0, 3.0, 1.5]), np.array([0.0, 1.0, 2.0, 6.0, -3.0]), np.array([1.0, 2.0, 3.0, 2.0, 0.0])
PROBLEM = accord.problems.quadratic(H, C, weights=P)
PATH = accord.networks.path(5)
HARSH = accord.Clock(
    clocks.lognormal([1.0, 1.0, 5.0, 1.0, 0.5]), clocks.exponential(1.0), sleep=0.05, nap=10.0, lose=0.2
)
SCALED = 5 * P / P.sum() * H


def after(rounds: int) -> accord.Stop:
    return accord.Stop(rounds=rounds, progress=0)


def lock_step(rounds: int, step: float) -> np.ndarray:
    """Everybody at once: v = x − a z, x⁺ = R v, z⁺ = C (z + ∇f(x⁺) − ∇f(x)) but for what has just been added."""
    heard = (PATH.W != 0).astype(float)
    R, S = heard / heard.sum(1, keepdims=True), heard / heard.sum(0)
    own = np.diag(np.diag(S))
    x, g = np.zeros(5), SCALED * (0 - C)
    z, handed = g, np.zeros(5)  # what each holds, and what is on its way to it
    for _ in range(rounds):
        x = R @ (x - step * z)
        new = SCALED * (x - C)
        z_half = z + handed + new - g
        z, handed, g = own @ z_half, (S - own) @ z_half, new
    return x


def test_with_one_pace_and_words_that_need_no_time_agents_keep_step() -> None:
    for rounds in (1, 2, 7):
        run = accord.run(PROBLEM, accord.ASYSONATA(0.02), network=PATH, stop=after(5 * rounds), record=5)
        np.testing.assert_allclose(run.agents, lock_step(rounds, 0.02), rtol=1e-12)
        assert run.history["clock"].iloc[-1] == rounds


def session_of(method: Any, clock: accord.Clock) -> Any:
    plan, _ = build_plan(RunRequest(problem=PROBLEM, method=method, network=PATH, record=40))
    return Timed(clock).start(plan)


def test_what_is_held_and_on_its_way_adds_up_to_the_sum_of_gradients() -> None:
    """Σ z_k + Σ (ρ_kj − seen_jk) = Σ ∇f_k(x_k), whatever is late, lost or asleep."""
    with jax.enable_x64(True):
        session = session_of(accord.ASYSONATA(0.02), HARSH)
        for _ in range(5):
            session.advance(1, 40)
            now = session.carry.states
            gradients = SCALED * (np.asarray(now.x)[:, 0] - C)
            on_its_way = np.asarray(now.rho).sum() - np.asarray(now.seen).sum()
            assert np.asarray(now.z).sum() + on_its_way == pytest.approx(np.sum(gradients), abs=1e-10)
        assert abs(on_its_way) > 1e-3


def test_the_optimum_is_exact_over_words_that_come_late_or_never() -> None:
    how: dict[str, Any] = {"network": PATH.lose(0.1), "runtime": Timed(HARSH), "stop": after(30_000), "record": 1000}
    run = accord.run(PROBLEM, accord.ASYSONATA(), **how)
    assert run.history["stalest"].iloc[-1] > 20
    assert max(abs(x - float(PROBLEM.solve())) for x in run.agents) < 1e-9


def test_gossip_keeps_the_mean_at_every_call_and_agrees_on_it() -> None:
    """Each call halves between two agents, so that E ‖x − x̄‖² shrinks by 1 − λ₂/(2K) a call or faster."""
    p, clock = P / P.sum(), accord.Clock(clocks.exponential([1.0, 1.0, 9.0, 1.0, 1.0]), lose=0.2)
    run = accord.run(
        PROBLEM, accord.RandomizedGossip(), network=PATH, runtime=Timed(clock), stop=after(1500), record=10
    )
    assert run.x == pytest.approx(p @ C, abs=1e-12)
    np.testing.assert_allclose(run.agents, p @ C, atol=1e-9)
    with jax.enable_x64(True):
        session = session_of(accord.RandomizedGossip(), clock)
        for _ in range(3):
            session.advance(1, 3)
            np.testing.assert_allclose(session.carry.states.s.sum(), 5 * p @ C, rtol=1e-13)


def test_calls_come_at_the_rate_of_the_poisson_clocks() -> None:
    """Five clocks of one tick in two seconds: 2.5 calls a second."""
    clock = accord.Clock(clocks.exponential(2.0))
    run = accord.run(
        PROBLEM, accord.RandomizedGossip(), network=PATH, runtime=Timed(clock), stop=after(5000), record=100
    )
    assert run.history["clock"].iloc[-1] == pytest.approx(5000 / 2.5, rel=4 / np.sqrt(5000))


@pytest.mark.parametrize("kind", [accord.RandomizedGossip, accord.ASYSONATA])
def test_what_keeps_everybody_in_step_is_refused(kind: Any) -> None:
    with pytest.raises(MethodError, match="does not bear a network that can 'delay'"):
        accord.run(PROBLEM, kind(), network=PATH.lazy().delay(1))
