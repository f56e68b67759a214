"""Methods whose clients keep a dual variable: exact whatever the local work, and the duals add up in every round."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.checks import plan_for
from accord.runtimes import Vectorised

H, C, P = [1.0, 2.0, 4.0, 30.0], [0.0, 1.0, 2.0, 6.0], np.array([1.0, 2.0, 3.0, 4.0])
FOUR = accord.problems.quadratic(H=H, c=C, weights=P)
OPTIMUM = (P * H) @ C / (P @ H)
WORKS = (accord.ProximalPoint(), accord.GradientDescent(steps=2))
LONG = accord.Stop(rounds=800, progress=0)


@pytest.mark.parametrize("kind", [accord.FedDyn, accord.FedPD], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("local", WORKS, ids=lambda local: type(local).__name__)
def test_the_optimum_is_reached_whatever_the_local_work(kind: Any, local: Any) -> None:
    run = accord.run(FOUR, kind(local=local), stop=LONG)
    np.testing.assert_allclose([run.x, *run.agents], OPTIMUM, rtol=0, atol=1e-10)


def states(method: Any, rounds: int, participation: int | None = None) -> list[tuple[Any, Any]]:
    """Server and clients after each round."""
    plan, _ = plan_for(FOUR, method, None, None, None, participation, None, None, 0, 1)
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


def test_scaffnew_its_control_variates_add_up_to_nothing_in_every_round() -> None:
    for _, clients in states(accord.Scaffnew(), 6):
        assert abs((P @ clients.h).item()) < 1e-11
    assert np.abs(clients.h).max() > 1e-3


def test_scaffnew_is_exact_and_needs_the_root_of_the_condition_number() -> None:
    """κ = 900, so that gradient descent needs about κ/2·log(1/ε²) rounds, and this about √κ as many."""
    problem = accord.problems.quadratic(H=[1.0, 900.0, 30.0], c=[0.0, 1.0, 5.0])
    optimum = problem.solve()
    run = accord.run(problem, accord.Scaffnew(), stop=accord.Stop(rounds=1000, progress=0))
    np.testing.assert_allclose([run.x, *run.agents], optimum, rtol=0, atol=1e-10)


def test_scaffnew_draws_other_coins_from_another_seed() -> None:
    one, other = (accord.run(FOUR, accord.Scaffnew(seed=seed), stop=accord.Stop(rounds=5)).x for seed in (0, 1))
    assert abs(float(one - other)) > 1e-6
