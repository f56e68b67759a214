"""Methods whose clients keep a dual variable: exact whatever the local work, and the duals add up in every round."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.methods.server.scaffnew import Server as Heard
from accord.runtimes import Vectorised

H, C, P = [1.0, 2.0, 4.0, 30.0], [0.0, 1.0, 2.0, 6.0], np.array([1.0, 2.0, 3.0, 4.0])
FOUR = accord.problems.quadratic(H=H, c=C, weights=P)
OPTIMUM = (P * H) @ C / (P @ H)
WORKS = (accord.ProximalPoint(), accord.GradientDescent(steps=2))
LONG = accord.Stop(rounds=800, progress=0)


@pytest.mark.parametrize("kind", [accord.FedDyn, accord.FedPD, accord.FedLT], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("local", WORKS, ids=lambda local: type(local).__name__)
def test_the_optimum_is_reached_whatever_the_local_work(kind: Any, local: Any) -> None:
    run = accord.run(FOUR, kind(local=local), stop=LONG)
    np.testing.assert_allclose([run.x, *run.agents], OPTIMUM, rtol=0, atol=1e-10)


def states(method: Any, rounds: int, participation: int | None = None) -> list[tuple[Any, Any]]:
    """Server and clients after each round."""
    plan, _ = build_plan(RunRequest(problem=FOUR, method=method, participation=participation, record=1))
    with jax.enable_x64(True):
        session, found = Vectorised(devices=1).start(plan), []
        for _ in range(rounds):
            session.advance(1, 1)
            found.append(jax.tree.map(np.asarray, (session.carry.server, session.carry.clients)))
        return found


def test_feddyn_bends_by_what_adds_up_to_h_with_half_the_clients_a_round() -> None:
    for server, clients in states(accord.FedDyn(), 6, participation=2):
        np.testing.assert_allclose(server.h, P / P.sum() @ clients.g, rtol=0, atol=1e-12)
    assert abs(server.h.item()) > 1e-3
    run = accord.run(FOUR, accord.FedDyn(), participation=2, stop=LONG)
    assert float(run.x) == pytest.approx(OPTIMUM, abs=1e-10)


def test_fedlt_the_server_holds_the_sum_of_all_clients_with_half_of_them_a_round() -> None:
    for server, clients in states(accord.FedLT(), 6, participation=2):
        np.testing.assert_allclose(server.z, P / P.sum() @ clients.z, rtol=0, atol=1e-12)
    run = accord.run(FOUR, accord.FedLT(), participation=2, stop=LONG)
    assert float(run.x) == pytest.approx(OPTIMUM, abs=1e-10)


def test_scaffnew_its_control_variates_add_up_to_nothing_in_every_round() -> None:
    for _, clients in states(accord.Scaffnew(), 6):
        assert abs((P @ clients.h).item()) < 1e-11
    assert np.abs(clients.h).max() > 1e-3


def test_scaffnew_is_exact_in_rounds_of_the_root_of_the_condition_number() -> None:
    """κ = 900 at every agent, of which gradient descent makes e⁻¹ in 900 rounds: (1 − 1/κ)^900."""
    problem = accord.problems.quadratic(H=[[1.0, 900.0], [900.0, 1.0]], c=[[0.0, 1.0], [5.0, -1.0]])
    run = accord.run(problem, accord.Scaffnew(), stop=accord.Stop(rounds=900, progress=0))
    optimum = problem.solve()
    assert np.abs([run.x - optimum, *(x - optimum for x in run.agents)]).max() < 1e-9


def test_scaffnew_takes_local_steps_by_coins_that_the_seed_and_the_round_throw() -> None:
    """Against a slope of one, a round moves by the step size times the number of steps, at every client the same."""
    agent, x = SimpleNamespace(grad=jnp.ones_like), jnp.zeros(1, jnp.float32)

    def steps(seed: int, key: int) -> list[int]:
        method, moved = accord.Scaffnew(0.5, 4, seed=seed), []
        client = method.init_client(x, agent, jax.random.key(key))
        for _ in range(6):
            _, client = method.respond(Heard(client.x), client, agent, jax.random.key(key))
            moved.append(round(float((client.x - x)[0]) / -0.5))
        return [int(b - a) for a, b in zip([0, *moved], moved, strict=False)]

    assert steps(seed=0, key=1) == steps(seed=0, key=2) != steps(seed=1, key=1)
    assert min(steps(seed=0, key=1)) >= 1
