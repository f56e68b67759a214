"""What no prices can settle is recognised: by a proof, or by the agent's name, and not by a time-out."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.errors import MethodError, ProblemError
from accord.problems import Coupled, Fleet, charging, dispatch
from accord.problems.objectives import Quadratic
from accord.problems.recession import fall

METHODS = [accord.DualDecomposition(), accord.ADAL(), accord.TrackingADMM()]


def solve(problem: Coupled, method: Any, **how: Any) -> accord.Run:
    network = accord.networks.path(problem.K) if isinstance(method, accord.TrackingADMM) else None
    return accord.run(problem, method, network=network, **how)


@pytest.mark.parametrize("demand", [826.0, 1024.0])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_fault_17_a_demand_just_beyond_the_limits_of_all(method: Any, demand: float) -> None:
    """They reach 450 to 1025: 826 and 1024 can be met, 1026 cannot, and the bound on the cost says so at once."""
    limits = [200, 150, 100], [450, 350, 225]
    market = dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], 0, *limits, demand)
    assert "limit" in (run := solve(market, method, stop=accord.Stop(rounds=300, progress=0))).reason
    assert np.isfinite(run.history["dual_value"]).all()
    run = solve(dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], 0, *limits, 1026.0), method)
    assert run.reason.startswith("cannot go on: no decisions within the agents' bounds meet the shared constraint")
    assert not run.converged
    assert run.rounds <= 100
    assert run.history["dual_value"].iloc[-1] == np.inf


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_fault_17_rows_that_contradict_each_other(method: Any) -> None:
    """Without bounds: Σ x = 1 and Σ 2x = 3. The ray of prices (−2, 1) costs nothing and gains 1."""
    rows = [(np.ones((1, 2)), np.full((1, 2), c)) for c in (1.0, 2.0, 6.0)]
    run = solve(Coupled(Quadratic(), rows, np.array([[[1.0, 0.0], [2.0, 0.0]]] * 3), [1.0, 3.0]), method)
    assert "the dual rises without end" in run.reason
    assert run.rounds <= 100


def test_fault_17_a_cap_that_is_below_the_least_of_all() -> None:
    rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]
    capped = Coupled(Quadratic(), rows, [1.0] * 3, 2.9, sense="<=", lower=1.0)
    for method in (accord.DualDecomposition(), accord.SharingADMM()):
        assert "the dual rises without end" in solve(capped, method).reason


def test_fault_18_a_cost_that_falls_without_end_is_refused_by_the_agents_name() -> None:
    paid = dispatch([0.004, 0, 0.009], [5.3, -1.0, 5.8], 0, None, None, 800)
    with pytest.raises(ProblemError, match="Agent 1 has no best response to the price 0: its cost falls without end"):
        accord.run(paid, accord.DualSubgradient(step_size=0.01))
    line = Coupled(lambda x, a: (a * x).sum(), [np.ones(1), np.zeros(1)], [1.0, 1.0], 0.0)
    with pytest.raises(ProblemError, match="Agent 0 has no best response"):
        accord.run(line, accord.DualSubgradient(step_size=0.01))


def test_fault_18_a_cost_that_would_fall_without_end_at_a_later_price() -> None:
    """The trader offers any amount at 2, and a price on its way to the demand passes 2; a penalty bears that."""
    names = ["coal", "trader"]
    market = dispatch([0.1, 0], [0, 2.0], 0, [0, 0], [np.inf, np.inf], 100, names=names)
    with pytest.raises(
        ProblemError, match="Agent trader's cost has flat parts along which its decisions have no bounds"
    ):
        accord.run(market, accord.DualSubgradient(step_size=0.05))
    run = accord.run(market, accord.ADAL(), stop=accord.Stop(rounds=2000, progress=0))
    np.testing.assert_allclose(run.x.ravel(), [10, 90], rtol=0, atol=1e-9)
    assert run.prices[0] == pytest.approx(2, abs=1e-9)


STRAIGHT = dispatch([0, 0], [10.0, 30.0], 0, None, None, demand=100, names=["hydro", "oil"])
FALLS = r"The cost falls without end: agent oil's by 30 a unit, in a direction that no bound stops"


@pytest.mark.parametrize("method", [accord.ExchangeADMM(), accord.SharingADMM(), accord.ADAL(), accord.TrackingADMM()])
def test_fault_18_straight_costs_without_limits_are_refused_by_the_agents_name(method: Any) -> None:
    """The one sells to the other for ever, at a gain of 20 a unit."""
    with pytest.raises(ProblemError, match=FALLS):
        solve(STRAIGHT, method)


def test_fault_18_a_planner_says_the_same() -> None:
    with pytest.raises(ProblemError, match=FALLS):
        STRAIGHT.solve()


def falling(loss: Any, numbers: Any, **bounds: Any) -> Any:
    """Who falls for ever, of agents with a cost of which no formula is known, whose decisions add up to 1."""
    return fall(Coupled(loss, [np.array([v]) for v in numbers], [1.0] * len(numbers), 1.0, **bounds))


def test_fault_18_costs_without_a_formula_are_looked_at_far_out() -> None:
    """A line falls for ever where another goes up less; what is squared, or has a bound in the way, does not."""
    line = lambda x, a: (a * x).sum()  # noqa: E731
    assert falling(line, [1.0, 3.0]) == pytest.approx((1, -3.0))
    assert falling(line, [2.0, 2.0]) is None
    assert falling(line, [1.0, 3.0], lower=0) is None
    assert falling(lambda x, a: (a * x + 1e-9 * x**2).sum(), [1.0, 3.0]) is None
    assert falling(lambda x, a: -a * jnp.log(x).sum(), [1.0, 3.0], lower=1e-3) is None
    assert falling(lambda x, a: jnp.hypot(x, 1.0).sum() - a * x.sum(), [0.0, 3.0]) == pytest.approx((1, -2.0))
    assert falling(lambda x, a: jnp.hypot(x, 1.0).sum() - a * x.sum(), [0.0, 1.5]) is None


def test_fault_18_flat_directions_of_a_matrix() -> None:
    """Agent 0 may add as much to the first decision as it takes from the second."""
    flat, round_ = np.ones((1, 2, 2)), np.eye(2)[None]
    rows = [(flat, np.zeros((1, 2))), (round_, np.zeros((1, 2)))]
    assert fall(Coupled(Quadratic(), rows, np.ones((2, 1, 2)), 1.0)) is None
    tilted = lambda x, row: Quadratic()(x, row[:2]) + row[2] @ x  # noqa: E731

    class Tilted(Quadratic):
        def __call__(self, x: Any, row: Any) -> Any:
            return tilted(x, row)

        def quadratic(self, rows: Any, weights: Any) -> Any:
            H, q = super().quadratic(rows[:2], weights)
            return H, q + weights @ rows[2]

    slopes = [(*row, slope) for row, slope in zip(rows, np.array([[[1.0, -1.0]], [[5.0, 0.0]]]), strict=True)]
    assert fall(Coupled(Tilted(), slopes, np.ones((2, 1, 2)), 1.0)) == pytest.approx((0, -2.0))


def test_fault_17_budgets_that_no_transformer_bears() -> None:
    """Five cars want 60 kWh in two hours, and 18 kW are left: 24 kWh are missing, 12 kW in either hour."""
    cars = Fleet([18.0] * 5, [20.0] * 5, [12.0] * 5, [11.0] * 5)  # pyright: ignore[reportArgumentType]
    day = charging(cars, [2.0] * 24, limit=20.0, tariff=0.3)
    for method in (accord.DualDecomposition(), accord.ExchangeADMM()):
        run = solve(day, method)
        assert "no decisions within the agents' bounds meet the shared constraint" in run.reason
        assert run.rounds <= 20
        assert run.history["dual_value"].iloc[-1] == np.inf
        assert run.history["violation"].iloc[-1] == pytest.approx(12 * np.sqrt(2), rel=1e-6)


def test_fault_20_a_block_that_is_not_strictly_convex() -> None:
    """Warned of, and true: the answers jump at the price of 20, while their average settles."""
    plants = dispatch([0, 0, 0], [10, 20, 30], 0, lower=0, upper=[40, 40, 40], demand=60)
    stop = accord.Stop(rounds=2000, progress=0)
    with pytest.warns(UserWarning, match="Agent 0's cost has flat parts.*Use DualSubgradient"):
        jumping = accord.run(plants, accord.DualDecomposition(step_size=0.01), stop=stop)
    averaged = accord.run(plants, accord.DualSubgradient(step_size=1.0), stop=stop)
    assert jumping.history["violation"].iloc[-1] >= 20
    assert averaged.history["violation"].iloc[-1] < 1.5
    with pytest.raises(MethodError, match="DualDecomposition has no safe step_size"):
        accord.run(plants, accord.DualDecomposition())
