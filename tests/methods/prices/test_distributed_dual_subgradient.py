"""Prices that agents agree on by averaging: a linear programme, and the market maker's prices in the mean."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.problems import Coupled, dispatch
from accord.problems.objectives import Quadratic
from accord.runtimes import Vectorised

PLANTS = dispatch([0, 0, 0], [10, 20, 30], 0, lower=0, upper=[40, 40, 40], demand=60)
PATH = accord.networks.path(3)
NETWORKS = [PATH, PATH.lose(0.3), accord.networks.random_matchings(PATH, rounds=8)]


@pytest.mark.parametrize("network", NETWORKS, ids=["path", "lossy", "gossip"])
def test_a_linear_programme_is_met_by_the_average(network: object) -> None:
    """The cheapest first: 40 at 10, 20 of the 40 at 20, the price; prices differ by some a/√t · K · 40 = 0.3."""
    stop = accord.Stop(rounds=6000, progress=0)
    run = accord.run(PLANTS, accord.DistributedDualSubgradient(step_size=0.2), network=network, stop=stop)
    np.testing.assert_allclose(run.x.ravel(), [40, 20, 0], atol=0.1)
    assert run.prices[0] == pytest.approx(20, abs=0.5)
    last = run.history.iloc[-1]
    assert last["dual_value"] <= 800 + 1e-9
    assert last["dual_value"] == pytest.approx(800, abs=12)


def test_the_mean_of_the_prices_moves_as_a_market_maker_would_move_it() -> None:
    """λ̄⁺ = λ̄ + a/√t (Σ A_k x_k − b) at every round, where no price meets its floor."""
    rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]
    problem, a = Coupled(Quadratic(), rows, [1.0, 2.0, 1.0], 5.0), 0.1
    plan, _ = build_plan(
        RunRequest(problem=problem, method=accord.DistributedDualSubgradient(a), network=PATH, record=1)
    )
    A, c, price = np.array([1.0, 2.0, 1.0]), np.array([1.0, 2.0, 6.0]), np.zeros(3)
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        for t in range(1, 7):
            session.advance(1, 1)
            heard = PATH.W @ price
            x = c - A * heard
            price = np.asarray(session.carry.states.price).ravel()
            assert price.mean() == pytest.approx(heard.mean() + a / np.sqrt(t) * (A @ x - 5), abs=1e-12)


def test_a_cap_that_does_not_bind_has_no_price() -> None:
    rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]
    for cap, price in ((10.0, 0.0), (6.0, 1.0)):
        problem = Coupled(Quadratic(), rows, [1.0] * 3, cap, sense="<=")
        run = accord.run(
            problem, accord.DistributedDualSubgradient(0.02), network=PATH, stop=accord.Stop(rounds=2000, progress=0)
        )
        assert run.prices[0] == pytest.approx(price, abs=0.02)
