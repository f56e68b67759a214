"""Accelerated methods among peers: the rounds of a reference implementation, contraction in closed form, invariants."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import MethodError
from accord.runtimes import Vectorised
from benchmarks.arrival import arrival

CHAIN = accord.problems.hard_instance(100)
PATH = accord.networks.path(16)
ANSWER = np.ravel(CHAIN.solve())
KNOWN = {
    "SSDA": (accord.SSDA(), 899, 900),
    "NIDS": (accord.NIDS(step_size=1 / 100), 1034, 1035),
    "MSDA": (accord.MSDA(), 1120, 112),
    "Mudag": (accord.Mudag(J=20), 1200, 60),
    "APAPC": (accord.APAPC(step_size=1 / 400), 1439, 1439),
    "OPAPC": (accord.OPAPC(step_size=1 / 400), 1870, 187),
    "GradientTracking": (accord.GradientTracking(step_size=0.1 / 100), 14814, 7408),
}
HARDER = {
    "SSDA": (accord.SSDA(), 2838, 2839),
    "NIDS": (accord.NIDS(step_size=1 / 1000), 6943, 6944),
    "MSDA": (accord.MSDA(), 3630, 363),
    "APAPC": (accord.APAPC(step_size=1 / 4000), 4480, 4480),
    "OPAPC": (accord.OPAPC(step_size=1 / 4000), 6030, 603),
}


@pytest.mark.parametrize("name", KNOWN)
def test_rounds_and_gradients_on_the_hard_instance_are_those_of_the_reference(name: str) -> None:
    """To one round of the method's own, since it may report before or after its last step."""
    method, rounds, gradients = KNOWN[name]
    found = arrival(CHAIN, method, PATH, ANSWER)
    assert abs(found.rounds - rounds) <= found.settings.get("J", 1)
    assert abs(found.gradients - gradients) <= 1
    assert found.rounds >= accord.problems.floor_of_hard_instance(100)


def test_rounds_on_the_harder_instance_are_those_of_the_reference() -> None:
    """κ = 1000 in 220 decisions, to one round of the method's own."""
    chain = accord.problems.hard_instance(1000, d=220)
    answer = np.ravel(chain.solve())
    for method, rounds, gradients in HARDER.values():
        found = arrival(chain, method, PATH, answer)
        assert abs(found.rounds - rounds) <= found.settings.get("J", 1)
        assert abs(found.gradients - gradients) <= 1


@pytest.mark.parametrize(("kappa", "d", "floor"), [(100, 100, 288), (1000, 220, 918)])
def test_the_floor_of_the_hard_instance(kappa: float, d: int, floor: int) -> None:
    assert accord.problems.floor_of_hard_instance(kappa, d=d) == floor


def test_chebyshev_gossip_contracts_as_its_polynomial_says() -> None:
    """The mode of λ₂ is on the edge of the interval: it shrinks by 2c₁ᴶ/(1+c₁²ᴶ) exactly, 0.27196 on a ring of 16."""
    network = accord.networks.ring(16)
    guesses = np.cos(2 * np.pi * np.arange(16) / 16)
    problem = accord.problems.quadratic(H=np.ones(16), c=guesses)
    method = accord.ChebyshevGossip(J=5)
    one = accord.run(problem, method, network=network, stop=accord.Stop(rounds=1))
    root = np.sqrt(network.gamma)
    c1 = (1 - root) / (1 + root)
    assert 2 * c1**5 / (1 + c1**10) == pytest.approx(0.27196, abs=1e-5)
    np.testing.assert_allclose(one.agents, 2 * c1**5 / (1 + c1**10) * guesses, rtol=0, atol=1e-12)
    assert one.history["messages"].iloc[-1] == 5 * network.links
    assert one.history["gradients"].iloc[-1] == 0


def test_chebyshev_gossip_weighs_guesses_as_the_agents_weigh() -> None:
    problem = accord.problems.quadratic(H=np.ones(4), c=[0.0, 1.0, 2.0, 6.0], weights=[1.0, 2.0, 3.0, 4.0])
    run = accord.run(problem, accord.ChebyshevGossip(), network=accord.networks.path(4), stop=accord.Stop(rounds=60))
    np.testing.assert_allclose(run.agents, 3.2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", [accord.MSDA(), accord.OPAPC()], ids=lambda method: type(method).__name__)
def test_dual_variables_sum_to_zero_each_round(method: Any) -> None:
    for states in _states(method):
        np.testing.assert_allclose(states.y.sum(0), 0, atol=1e-10)


def test_the_tracker_of_the_accelerated_method_follows_the_mean_gradient() -> None:
    for states in _states(accord.AcceleratedGradientTracking()):
        np.testing.assert_allclose(states.s.mean(0), states.g_y.mean(0), rtol=0, atol=1e-12)


def test_the_means_of_mudag_are_nesterovs_method_on_f_where_agents_agree() -> None:
    """Among agents that are alike every exchange is idle, and what is left is Nesterov's method."""
    problem = accord.problems.quadratic(H=np.tile([1.0, 9.0], (5, 1)), c=np.ones((5, 2)))
    run = accord.run(
        problem, accord.Mudag(J=2), network=accord.networks.ring(5), stop=accord.Stop(rounds=7, progress=0)
    )
    x = y = np.zeros(2)
    for _ in range(7):
        x, before = y - np.array([1.0, 9.0]) * (y - 1) / 9, x
        y = x + (1 - 1 / 3) / (1 + 1 / 3) * (x - before)
    np.testing.assert_allclose(run.x, x, rtol=0, atol=1e-12)


def test_exchanges_are_counted_one_by_one() -> None:
    run = accord.run(CHAIN, accord.MSDA(J=3), network=PATH, stop=accord.Stop(rounds=4, progress=0))
    last = run.history.iloc[-1]
    assert last["messages"] == 4 * 3 * PATH.links
    assert last["bytes"] == 4 * 3 * PATH.links * ANSWER.nbytes
    assert last["gradients"] == 4


def test_an_agent_of_no_weight_is_refused_where_every_agent_must_be_strongly_convex() -> None:
    problem = accord.problems.quadratic(H=np.ones(4), c=np.arange(4.0), weights=[1.0, 1.0, 0.0, 1.0])
    with pytest.raises(MethodError, match=r"OPAPC needs every agent's f_k strongly convex, but agent 2 has weight 0"):
        accord.run(problem, accord.OPAPC(), network=accord.networks.ring(4))


def test_a_loss_without_strong_convexity_is_refused_by_the_dual_method() -> None:
    problem = accord.problems.least_squares([(np.ones((1, 2)), np.ones(1))] * 3)
    with pytest.raises(MethodError, match="MSDA has no safe step_size"):
        accord.run(problem, accord.SSDA(), network=accord.networks.ring(3))


def _states(method: Any, rounds: int = 4) -> Any:
    plan, _ = build_plan(RunRequest(problem=CHAIN, method=method, network=PATH, record=1))
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        for _ in range(rounds):
            session.advance(1, 1)
            yield session.carry.states
