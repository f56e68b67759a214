"""Markets, cleared: answers from the literature, a convex solver, and the conditions of an optimum."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord import problems
from accord.errors import ProblemError
from accord.problems import Coupled, Opaque, Problem
from accord.problems.centralised import optimal_value
from accord.problems.centralised_coupled import clear
from accord.problems.objectives import Quadratic

SAADAT = ([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200])
WOOD = ([0.001562, 0.00194, 0.00482], [7.92, 7.85, 7.97], [561, 310, 78])


@pytest.mark.parametrize(
    ("costs", "lower", "upper", "demand", "price", "x", "value"),
    [
        (SAADAT, None, None, 800, 8.5, [400, 250, 150], 6682.5),
        (SAADAT, [200, 150, 100], [450, 350, 225], 975, 9.4, [450, 325, 200], 8236.25),
        (WOOD, [150, 100, 50], [600, 400, 200], 850, 9.148263, [393.1698, 334.6038, 122.2264], 8194.3561),
    ],
    ids=["Saadat 7.4", "Saadat 7.6", "Wood-Wollenberg 3A"],
)
def test_dispatch_known_from_the_literature(
    costs: Any, lower: Any, upper: Any, demand: float, price: float, x: list[float], value: float
) -> None:
    found = clear(problems.dispatch(*costs, lower, upper, demand))
    digits = {"Wood": 5e-7}.get("Wood" if costs is WOOD else "", 1e-9)  # what the source prints
    np.testing.assert_allclose(found.x.ravel(), x, rtol=digits)
    np.testing.assert_allclose(found.price, [price], rtol=digits)
    assert found.value == pytest.approx(value, rel=digits)


@given(st.integers(0, 10_000), st.sampled_from([2, 7]))
def test_generators_run_where_their_marginal_cost_is_the_price(seed: int, K: int) -> None:
    """Whole numbers, so that a price often meets a bound exactly; the answer by bisection on the price."""
    random = np.random.default_rng(seed)
    curve, slope = random.integers(1, 4, K) / 2, random.integers(0, 4, K).astype(float)
    upper = random.integers(1, 4, K).astype(float)
    demand = float(random.integers(0, int(upper.sum()) + 1))
    low, high = -1.0, 20.0
    for _ in range(100):
        middle = (low + high) / 2
        short = np.clip((middle - slope) / (2 * curve), 0, upper).sum() < demand
        low, high = (middle, high) if short else (low, middle)
    found = problems.dispatch(curve, slope, np.zeros(K), 0.0, upper, demand).solve()
    np.testing.assert_allclose(found.ravel(), np.clip((high - slope) / (2 * curve), 0, upper), atol=1e-9)


def random_market(seed: int, sense: str) -> tuple[Problem, Any]:
    """Agents of three decisions under two constraints, in boxes; and the same for CVXPY."""
    random = np.random.default_rng(seed)
    K, d, m = 6, 3, 2
    root = random.normal(size=(K, d, d))
    H, c, A = (
        root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(d),
        2 * random.normal(size=(K, d)),
        random.normal(size=(K, m, d)),
    )
    b = np.einsum("kmd,kd->m", A, random.uniform(-0.7, 0.7, (K, d))) - (sense == "<=")
    problem = Coupled(
        Quadratic(), [(H[k : k + 1], c[k : k + 1]) for k in range(K)], A, b, sense=sense, lower=-1, upper=1
    )
    x = cp.Variable((K, d))
    cost = sum(cp.sum_squares(np.linalg.cholesky(H[k]).T @ (x[k] - c[k])) / 2 for k in range(K))
    total = sum(A[k] @ x[k] for k in range(K))
    coupling = total == b if sense == "==" else total <= b
    return problem, (cp.Problem(cp.Minimize(cost), [coupling, x >= -1, x <= 1]), x)


@pytest.mark.parametrize("sense", ["==", "<="])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_market_of_matrices_is_what_a_convex_solver_finds(seed: int, sense: str) -> None:
    problem, (model, x) = random_market(seed, sense)
    model.solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    found = clear(problem)
    np.testing.assert_allclose(found.x, x.value, atol=1e-8)
    np.testing.assert_allclose(found.price, model.constraints[0].dual_value, atol=1e-7)
    assert optimal_value(problem) == found.value == pytest.approx(model.value, rel=1e-10)


@given(st.integers(0, 10_000), st.sampled_from(["==", "<="]))
def test_what_is_found_meets_the_conditions_of_an_optimum(seed: int, sense: str) -> None:
    problem, _ = random_market(seed, sense)
    assert problem.coupling is not None
    A, b = problem.coupling.A, problem.coupling.b
    x, price, _ = clear(problem)
    H, c = (np.concatenate(leaves) for leaves in zip(*problem.shards, strict=True))
    gradient = np.einsum("kij,kj->ki", H, x - c) + np.einsum("kmd,m->kd", A, price)
    np.testing.assert_allclose(x, np.clip(x - gradient, -1, 1), atol=1e-9)
    excess = np.einsum("kmd,kd->m", A, x) - b
    if sense == "==":
        np.testing.assert_allclose(excess, 0, atol=1e-11)
    else:
        np.testing.assert_allclose(price, np.clip(price + excess, 0, None), atol=1e-10)


def test_costs_need_not_be_quadratic() -> None:
    """Σ −a log x under Σ x ≤ 2: in proportion to a, at the price Σa/2."""
    a = [1.0, 2.0, 0.5]
    problem = Coupled(
        lambda x, a: -jnp.sum(a * jnp.log(x)), [np.array([v]) for v in a], np.ones(3), 2.0, sense="<=", lower=0
    )
    x, price, _ = clear(problem)
    np.testing.assert_allclose(x.ravel(), 2 * np.array(a) / sum(a), rtol=1e-9)
    np.testing.assert_allclose(price, [sum(a) / 2], rtol=1e-9)


def test_costs_need_not_curve() -> None:
    """The cheapest first, and the price is that of the last who is needed."""
    x, price, value = clear(problems.dispatch([0, 0, 0], [1.0, 2.0, 3.0], [0, 0, 0], 0.0, 1.0, demand=1.5))
    np.testing.assert_allclose(x.ravel(), [1, 0.5, 0], atol=1e-9)
    assert (price.round(9).tolist(), round(value, 9)) == ([2.0], 2.0)


def test_surveyors_agree_on_the_mean() -> None:
    K, mean, c = 5, 3.0, 0.7
    shards = [(np.full((1, 1), c), np.zeros((1, 1)))] * K
    x, price, _ = clear(Coupled(Quadratic(), shards, np.full(K, 1 / K), mean))
    np.testing.assert_allclose(x.ravel(), mean, rtol=1e-12)
    np.testing.assert_allclose(price, [-c * K * mean], rtol=1e-12)


def test_a_decision_whose_bounds_meet_is_fixed_and_the_others_make_room() -> None:
    problem = problems.dispatch([1.0, 1.0, 1.0], 0.0, 0.0, [0.0, 0.5, 0.0], [3.0, 0.5, 3.0], demand=2.5)
    np.testing.assert_allclose(clear(problem).x.ravel(), [1.0, 0.5, 1.0], atol=1e-12)


@pytest.mark.parametrize("demand", [450.0, 1025.0])
def test_a_demand_that_only_one_plan_meets_is_met(demand: float) -> None:
    lower, upper = [200.0, 150, 100], [450.0, 350, 225]
    x = problems.dispatch(*SAADAT, lower, upper, demand).solve()
    assert x.ravel().tolist() == (lower if demand == 450 else upper)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_energy_and_of_money_change_nothing(unit: float) -> None:
    curve, slope, upper = np.array([0.4, 0.6, 0.9]), np.array([5.3, 5.5, 5.8]), np.array([2.0, 3.0, 1.5])
    x, price, _ = clear(problems.dispatch(curve, slope, np.zeros(3), 0.1, upper, 4.0))
    other = clear(problems.dispatch(curve / unit**2, slope / unit, np.zeros(3), 0.1 * unit, upper * unit, 4.0 * unit))
    np.testing.assert_allclose(other.x / unit, x, rtol=1e-9)
    np.testing.assert_allclose(other.price * unit, price, rtol=1e-9)


def test_a_row_out_of_reach_is_told_in_small_units() -> None:
    with pytest.raises(ProblemError, match=r"Row 0 .* reach only -3e-15 to 0"):
        clear(problems.dispatch(*SAADAT, 0, 1e-15, 4e-15))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: problems.dispatch(*SAADAT, 0, 100, 400), "Row 0 .* asks for -400, .* reach only -300 to 0"),
        (
            lambda: Coupled(Quadratic(), QUADRATICS, np.array([[[1.0, 1], [1, -1]]] * 2), [4.0, 2.0], lower=0, upper=1),
            "No decisions within .* meet all 2 rows",
        ),
        (lambda: Coupled(lambda x, a: jnp.sum(a * x), LINEAR, np.ones(2), 1.0), "falls without end"),
        (lambda: Coupled(None, [Opaque(lambda x: 0.0)] * 2, np.ones(2), 1.0), "The agents are opaque"),
        (lambda: problems.quadratic([1.0], [0.0]), "share no constraint"),
    ],
    ids=["row", "rows", "unbounded", "opaque", "uncoupled"],
)
def test_what_cannot_be_cleared_is_refused_with_the_reason(make: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        clear(make())


QUADRATICS = [(np.ones((1, 2)), np.zeros((1, 2)))] * 2
LINEAR = [np.ones(1), -np.ones(1)]
