"""Price methods on dispatch cases from textbooks, and on the surveyors' problem."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import MethodError
from accord.problems import Coupled, dispatch
from accord.problems.centralised_coupled import clear
from accord.problems.objectives import CostCurve
from accord.runtimes import Vectorised

METHODS = [
    accord.DualDecomposition,
    accord.AcceleratedDual,
    accord.DualSubgradient,
    accord.ExchangeADMM,
    accord.SharingADMM,
    accord.ADAL,
    accord.PrimalDecomposition,
]
LONG = accord.Stop(rounds=3000, progress=0)


class Case(NamedTuple):
    """Cost curves (c₂, c₁, c₀), limits, demand; and the answer with as many digits as are known."""

    curves: np.ndarray
    limits: np.ndarray | None
    demand: float
    price: float
    power: tuple[float, ...]
    cost: float
    digits: tuple[float, float, float]  # of price, power, cost

    def problem(self) -> Coupled:
        lower, upper = (None, None) if self.limits is None else self.limits.T
        return dispatch(*self.curves.T, lower, upper, self.demand)


SAADAT = np.array([[0.004, 5.3, 500], [0.006, 5.5, 400], [0.009, 5.8, 200]])
WOOD = np.array([[0.001562, 7.92, 561], [0.00194, 7.85, 310], [0.00482, 7.97, 78]])
EXACT = (1e-9, 1e-6, 1e-6)
CASES = {
    "saadat 7.4": Case(SAADAT, None, 800, 8.5, (400, 250, 150), 6682.50, EXACT),
    "saadat 7.6": Case(
        SAADAT, np.array([[200, 450], [150, 350], [100, 225]]), 975, 9.4, (450, 325, 200), 8236.25, EXACT
    ),
    "wood, wollenberg 3A": Case(
        WOOD,
        np.array([[150, 600], [100, 400], [50, 200]]),
        850,
        9.148263,
        (393.1698, 334.6038, 122.2264),
        8194.3561,
        (5e-7, 5e-5, 5e-5),
    ),
}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dispatch(case: Case, method: Any) -> None:
    run = accord.run(case.problem(), method(), stop=LONG)
    price, power, cost = case.digits
    assert run.prices[0] == pytest.approx(case.price, abs=price)
    np.testing.assert_allclose(run.x.ravel(), case.power, rtol=0, atol=power)
    last = run.history.iloc[-1]
    assert last["objective"] == pytest.approx(case.cost, abs=cost)
    assert last["violation"] < 1e-6
    assert last["gap"] == pytest.approx(0, abs=1e-5)


def test_fault_21_the_limit_of_the_dual_step_is_sharp_and_more_is_refused() -> None:
    """Below it converges; beyond it the door says no, and behind the door it diverges."""
    limit, problem = 2 / (0.5 / SAADAT[:, 0]).sum(), CASES["saadat 7.4"].problem()
    assert limit == pytest.approx(0.0075789, abs=5e-8)
    below, beyond = accord.DualDecomposition(0.99 * limit), accord.DualDecomposition(1.01 * limit)
    assert accord.run(problem, below, stop=LONG).history["violation"].iloc[-1] < 1e-9
    with pytest.raises(MethodError, match=r"it has to stay below 2/L_d = 0\.0075789 .*or it diverges"):
        accord.run(problem, beyond, stop=LONG)
    plan, _ = build_plan(RunRequest(problem=problem, method=below, stop=LONG, record=1))
    past = replace(plan, method=replace(below, step_size=np.asarray(beyond.step_size)))
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(past)
        violation = session.advance(256, 1).disagreement
    assert (np.diff(violation[1:]) > 0).all()  # by 1.02 a round
    assert violation[-1] == pytest.approx(violation[1] * 1.02 ** (len(violation) - 2), rel=1e-6)


def test_dual_decomposition_bounds_the_cost_from_below_at_every_round() -> None:
    case = CASES["saadat 7.6"]
    run = accord.run(case.problem(), accord.DualDecomposition(), stop=accord.Stop(rounds=40, progress=0))
    bound = run.history["dual_value"]
    assert (bound <= case.cost + 1e-6).all()
    assert bound.is_monotonic_increasing


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
@pytest.mark.parametrize(("demand", "price"), [(800.0, 8.5), (-800.0, 0.0)])
def test_a_demand_that_is_met_anyway_has_no_price(method: Any, demand: float, price: float) -> None:
    """Σ P ≥ demand: binding where the generators would stand still, slack where even less would do."""
    c2, c1, c0 = SAADAT.T[:, :, None, None]
    free = Coupled(
        CostCurve(), list(zip(c2, c1, c0, strict=True)), A=-np.ones(3), b=-demand, sense="<=", lower=0, upper=500
    )
    run = accord.run(free, method(), stop=LONG)
    assert run.prices[0] == pytest.approx(price, abs=1e-9)
    np.testing.assert_allclose(run.x.ravel(), CASES["saadat 7.4"].power if price else 0, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
@pytest.mark.parametrize("mean", [3.0, -0.5])
def test_surveyors(method: Any, mean: float) -> None:
    """K agents with f_k = c/2 x² whose mean must be x̄: every x_k = x̄, and λ = −cK x̄."""
    K, c = 5, 0.7
    half, nothing = np.full((1, 1), c / 2), np.zeros((1, 1))
    problem = Coupled(CostCurve(), [(half, nothing, nothing)] * K, A=np.full(K, 1 / K), b=mean)
    run = accord.run(problem, method(), stop=LONG)
    np.testing.assert_allclose(run.x.ravel(), mean, rtol=0, atol=1e-9)
    assert run.prices[0] == pytest.approx(-c * K * mean, abs=1e-9)


@pytest.mark.parametrize("method", [accord.DualDecomposition, accord.ExchangeADMM], ids=lambda method: method.__name__)
def test_prices_have_one_sign_what_a_unit_less_of_b_costs(method: Any) -> None:
    """λ = −dF*/db: by the difference quotient, for a demand written either way and as a bound; the planner's too."""
    curves = list(zip(*SAADAT.T[:, :, None, None], strict=True))

    def market(sign: float, b: float, sense: str) -> Coupled:
        return Coupled(CostCurve(), curves, A=np.full(3, sign), b=b, sense=sense, lower=-500, upper=500)

    for sign, b, sense, price in ((-1.0, -800.0, "==", 8.5), (1.0, 800.0, "==", -8.5), (-1.0, -800.0, "<=", 8.5)):
        best, less = clear(market(sign, b, sense)), clear(market(sign, b - 1e-3, sense))
        assert (less.value - best.value) / 1e-3 == pytest.approx(price, rel=1e-6)
        assert best.price[0] == pytest.approx(price, rel=1e-9)
        assert accord.run(market(sign, b, sense), method(), stop=LONG).prices[0] == pytest.approx(price, rel=1e-9)
