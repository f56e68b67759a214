"""Prices without a market maker: every agent's estimate of the violation, and everybody's price."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import accord
from accord.checks import plan_for
from accord.errors import MethodError
from accord.problems import Coupled, dispatch
from accord.problems.objectives import Quadratic
from accord.runtimes import Vectorised

LIMITS = [200, 150, 100], [450, 350, 225]
MARKET = dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], *LIMITS, 975)


def test_the_estimates_add_up_to_the_violation_at_every_round() -> None:
    plan, _ = plan_for(MARKET, accord.TrackingADMM(), None, accord.networks.path(3), None, None, None, None, 0, 1)
    with jax.enable_x64(True):
        session = Vectorised().start(plan)
        for _ in range(8):
            record = session.advance(1, 1)
            assert abs(float(session.carry.states.d.sum())) == pytest.approx(
                abs(float(session.carry.states.x.sum()) - 975), abs=1e-10
            )
            assert np.isfinite(record.dual_value[0])


def test_saadat_and_its_limits_without_a_market_maker() -> None:
    stop = accord.Stop(rounds=600, progress=0)
    run = accord.run(MARKET, accord.TrackingADMM(), network=accord.networks.path(3), stop=stop)
    np.testing.assert_allclose(run.x.ravel(), [450, 325, 200], rtol=0, atol=1e-9)
    assert run.prices[0] == pytest.approx(9.4, abs=1e-9)
    last = run.history.iloc[-1]
    assert last["violation"] < 1e-9
    assert last["dual_value"] == pytest.approx(8236.25, abs=1e-8)


def test_it_needs_a_network_and_a_constraint_with_equality() -> None:
    rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]
    with pytest.raises(MethodError, match="needs a network of 3 agents"):
        accord.run(MARKET, accord.TrackingADMM())
    with pytest.raises(MethodError, match="meets shared constraints with == only"):
        accord.run(Coupled(Quadratic(), rows, [1.0] * 3, 6.0, sense="<="), accord.TrackingADMM(),
                   network=accord.networks.path(3))  # fmt: skip
    with pytest.raises(MethodError, match="couples decisions by a constraint"):
        accord.run(MARKET, accord.GradientTracking(), network=accord.networks.path(3))
