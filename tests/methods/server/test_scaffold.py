"""SCAFFOLD reaches the optimum where FedAvg stands on its floor; its control variates add up in every round."""

from __future__ import annotations

import jax
import numpy as np

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.runtimes import Vectorised

TWO = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
TEN = accord.GradientDescent(steps=10, step_size=0.05)


def test_scaffold_reaches_the_optimum_to_1e_12_in_40_rounds() -> None:
    run = accord.run(TWO, accord.SCAFFOLD(TEN), stop=accord.Stop(rounds=40, progress=0))
    assert abs(float(run.x) - 10 / 11) < 1e-12
    assert abs(float(accord.run(TWO, accord.FedAvg(TEN), stop=accord.Stop(rounds=40)).x) - 0.713442170) < 1e-9


def test_the_control_variate_of_the_server_is_the_weighted_sum_of_the_clients_in_every_round() -> None:
    """A cohort of two of four answers, and weights are unequal: c = Σ p_k c_k all the same."""
    problem = accord.problems.quadratic(H=[1.0, 2.0, 4.0, 8.0], c=[0.0, 1.0, 2.0, 6.0], weights=[1, 2, 3, 4])
    plan, _ = build_plan(RunRequest(problem=problem, method=accord.SCAFFOLD(TEN), participation=2, record=1))
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        for _ in range(4):
            session.advance(1, 1)
            own = plan.weights @ session.carry.clients.c
            np.testing.assert_allclose(session.carry.server.c, own, rtol=0, atol=1e-13)
        assert abs(own.item()) > 1e-3  # which says something: the clients have answered
