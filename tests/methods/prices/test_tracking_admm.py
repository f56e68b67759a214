"""Prices without a market maker: every agent's estimate of the violation, and everybody's price."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import MethodError
from accord.problems import Coupled, dispatch
from accord.problems.objectives import Quadratic
from accord.runtimes import Vectorised

LIMITS = [200, 150, 100], [450, 350, 225]
STOP = accord.Stop(progress=0)
MARKET = dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], *LIMITS, 975)


def test_the_estimates_add_up_to_the_violation_at_every_round() -> None:
    plan, _ = build_plan(
        RunRequest(problem=MARKET, method=accord.TrackingADMM(), network=accord.networks.path(3), record=1)
    )
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


@pytest.mark.parametrize(("cap", "x", "price"), [(10.0, [1, 2, 6], 0), (6.0, [0, 1, 5], 1), (0.0, [-2, -1, 3], 3)])
def test_what_is_left_of_a_cap_is_kept_by_the_agents(cap: float, x: list[float], price: float) -> None:
    """f_k = ½(x − c_k)², c = (1, 2, 6): x_k = c_k − λ with λ = (9 − cap)/3 where that is above 0."""
    rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]
    problem = Coupled(Quadratic(), rows, [1.0] * 3, cap, sense="<=")
    plan, _ = build_plan(
        RunRequest(problem=problem, method=accord.TrackingADMM(), network=accord.networks.path(3), stop=STOP, record=1)
    )
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        for _ in range(20):
            session.advance(1, 1)
            states = session.carry.states
            added = float(states.x.sum() + states.slack.sum()) - cap
            assert float(2 * states.d.sum()) == pytest.approx(added, abs=1e-10)
            assert (np.asarray(states.slack) >= 0).all()
        session.advance(1, 1500)
        states = jax.tree.map(np.asarray, session.carry.states)
    np.testing.assert_allclose(states.x.ravel(), x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(states.price.ravel(), price, rtol=0, atol=1e-9)
    assert float(states.slack.sum()) == pytest.approx(max(cap - 9, 0), abs=1e-9)


def test_two_caps_of_which_one_binds() -> None:
    """Against the centralised answer, unequal curvatures and a matrix an agent."""
    random = np.random.default_rng(0)
    rows = [(random.uniform(0.5, 2, (1, 3)), 2 * random.normal(size=(1, 3))) for _ in range(4)]
    problem = Coupled(Quadratic(), rows, random.normal(size=(4, 2, 3)), random.normal(size=2), sense="<=")
    run = accord.run(
        problem, accord.TrackingADMM(), network=accord.networks.ring(4), stop=accord.Stop(rounds=900, progress=0)
    )
    np.testing.assert_allclose(run.x, np.reshape(problem.solve(), (4, 3)), rtol=0, atol=1e-9)
    assert run.history["violation"].iloc[-1] < 1e-9
    assert (run.prices > 1e-3).tolist().count(True) == 1


def test_it_needs_a_network() -> None:
    with pytest.raises(MethodError, match="needs a network of 3 agents"):
        accord.run(MARKET, accord.TrackingADMM())
    with pytest.raises(MethodError, match="couples decisions by a constraint"):
        accord.run(MARKET, accord.GradientTracking(), network=accord.networks.path(3))
