"""The centralised answer, against SciPy, CVXPY, answers known by hand, and the conditions of an optimum."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from accord import problems
from accord.errors import ProblemError
from accord.problems import L1, Box, Opaque, Problem, Simplex
from accord.problems.centralised import optimal_value
from accord.problems.objectives import LeastSquares
from tests.problems.samples import SMOOTH, answers, labelled, numbered, points


def to(tolerance: float) -> dict[str, Any]:
    """How exactly CVXPY is to solve."""
    return {"solver": cp.CLARABEL, "tol_gap_abs": tolerance, "tol_gap_rel": tolerance, "tol_feas": tolerance}


WEIGHTS = np.array([0.2, 0.5, 0.3])


def pooled(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All rows, all targets, and what each weighs."""
    rows, targets = (np.concatenate(leaves) for leaves in zip(*problem.shards, strict=True))
    return rows, targets, np.repeat(problem.weights / problem.sizes, problem.sizes)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", SMOOTH)
def test_the_weighted_gradient_vanishes_to_rounding(name: str) -> None:
    problem = SMOOTH[name]()
    problem = Problem(problem.loss, problem.shards, weights=WEIGHTS, x0=problem.x0)
    gradient = WEIGHTS @ answers(problem, lambda agent, x: agent.grad(x), problem.solve().ravel())
    assert np.abs(gradient).max() < 1e-13


def test_the_answer_has_the_structure_of_x0_in_float64() -> None:
    def loss(params: Any, example: Any) -> Any:
        a, b = example
        return (a @ params["slopes"] + params["offset"] - b) ** 2

    start = {"slopes": np.zeros(3, np.float32), "offset": np.float32(0)}
    shards = [tuple(v.astype(np.float32) for v in shard) for shard in numbered()]
    x = Problem(loss, shards, x0=start).solve()
    rows, targets = (np.concatenate(leaves).astype(float) for leaves in zip(*shards, strict=True))
    expected = np.linalg.lstsq(np.column_stack([rows, np.ones(len(rows))]), targets)[0]
    assert {type(leaf) for leaf in jax.tree.leaves(x)} == {np.ndarray}
    assert {leaf.dtype for leaf in jax.tree.leaves(x)} == {np.dtype(np.float64)}
    np.testing.assert_allclose(np.append(x["slopes"], x["offset"]), expected, rtol=1e-10)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=5), st.integers(0, 100))
def test_a_quadratic_is_solved_where_the_weighted_pulls_balance(H: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    c, weights = random.normal(size=len(H)), random.uniform(0.1, 1, len(H))
    x = problems.quadratic(H, c, weights=weights).solve()
    assert float(x) == pytest.approx(np.sum(weights * H * c) / np.sum(weights * H), rel=1e-12, abs=1e-14)


def test_logistic_is_what_scipy_finds() -> None:
    problem = problems.logistic(labelled(), l2=0.05, weights=WEIGHTS)
    a, b, w = pooled(problem)
    found = scipy.optimize.root(lambda x: a.T @ (w * (expit(a @ x) - b)) + 0.05 * x, np.zeros(3), tol=1e-14)
    np.testing.assert_allclose(problem.solve(), found.x, atol=1e-12)


def test_softmax_without_a_penalty_reaches_the_least_loss_though_the_answer_is_not_unique() -> None:
    problem = problems.softmax(labelled(3), classes=3)
    a, b, w = pooled(problem)
    value = lambda x: -w @ log_softmax(a @ x.reshape(3, 3).T, axis=1)[np.arange(len(b)), b]  # noqa: E731
    found = scipy.optimize.minimize(value, np.zeros(9), tol=1e-12)
    assert value(problem.solve()) == pytest.approx(found.fun, abs=1e-12)
    assert optimal_value(problem) == pytest.approx(found.fun, abs=1e-12)


@pytest.mark.parametrize("l2", [1.0, 0.01, 1e-4])
def test_a_hinge_is_what_a_convex_solver_finds(l2: float) -> None:
    problem = problems.svm(labelled(), l2=l2, weights=WEIGHTS)
    a, b, w = pooled(problem)
    x = cp.Variable(3)
    loss = w @ cp.pos(1 - cp.multiply(2 * b - 1, a @ x)) + l2 / 2 * cp.sum_squares(x)
    value = cp.Problem(cp.Minimize(loss)).solve(**to(1e-14))
    np.testing.assert_allclose(problem.solve(), x.value, atol=1e-8)
    assert optimal_value(problem) == pytest.approx(value, rel=1e-10)


def test_a_hinge_known_by_hand() -> None:
    """max(0, 1−x) + x²/4 over two mirrored rows: 1 where the margin is met and l2 x ≤ 1."""
    rows = [(np.array([[1.0], [-1.0]]), np.array([1, 0]))]
    for l2, x in ((0.5, 1.0), (2.0, 0.5)):
        np.testing.assert_allclose(problems.svm(rows, l2=l2).solve(), [x], atol=1e-12)


TERMS: dict[str, tuple[Any, Any]] = {
    "l1": (L1(0.2), lambda x: (0.2 * cp.norm1(x), [])),
    "box": (Box(-0.1, 0.05), lambda x: (0, [x >= -0.1, x <= 0.05])),
    "simplex": (Simplex(0.5), lambda x: (0, [x >= 0, cp.sum(x) == 0.5])),
}


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("kind", ["least_squares", "logistic"])
def test_a_term_without_a_gradient_is_met(kind: str, name: str) -> None:
    term, model = TERMS[name]
    plain = problems.least_squares(numbered()) if kind == "least_squares" else problems.logistic(labelled())
    problem = Problem(plain.loss, plain.shards, weights=WEIGHTS, regularizer=term, x0=plain.x0)
    a, b, w = pooled(problem)
    x = cp.Variable(3)
    fit = cp.square(a @ x - b) / 2 if kind == "least_squares" else cp.logistic(a @ x) - cp.multiply(b, a @ x)
    r, constraints = model(x)
    value = cp.Problem(cp.Minimize(w @ fit + r), constraints).solve(**to(1e-9))
    np.testing.assert_allclose(problem.solve(), x.value, atol=1e-4)
    assert optimal_value(problem) == pytest.approx(value, abs=1e-8)


@pytest.mark.usefixtures("float64")
def test_a_proximal_answer_is_a_fixed_point_of_its_own_step() -> None:
    problem = problems.lasso(numbered(), l1=0.2)
    x = problem.solve()
    a, b, w = pooled(problem)
    step = 0.1
    moved = problem.regularizer.prox(jnp.asarray(x - step * a.T @ (w * (a @ x - b))), step)
    np.testing.assert_allclose(moved, x, atol=1e-11)


def test_many_decisions_are_solved_without_a_hessian() -> None:
    random = np.random.default_rng(0)
    shards = [(random.normal(size=(20, 2100)), random.integers(0, 2, 20)) for _ in range(2)]
    problem = problems.logistic(shards, l2=1.0)
    a, b, w = pooled(problem)
    x = problem.solve()
    assert np.abs(a.T @ (w * (expit(a @ x) - b)) + x).max() < 1e-8


def test_opaque_agents_are_asked_for_values_and_gradients() -> None:
    agents = [Opaque(lambda x, c=c: float(np.sum((x - c) ** 4)), lambda x, c=c: 4 * (x - c) ** 3) for c in (0.0, 2.0)]
    problem = Problem(None, agents, x0=np.array([5.0]))
    np.testing.assert_allclose(problem.solve(), [1.0], atol=1e-8)
    with pytest.raises(ProblemError, match="Agent 1 answers no grad"):
        Problem(None, [agents[0], Opaque(lambda x: 0.0)], x0=np.zeros(1)).solve()


def test_a_network_ends_in_a_local_minimum_near_its_start() -> None:
    problem = problems.neural_network(labelled(), hidden=[2], classes=2, l2=0.05)
    x = problem.solve()
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(x)])
    with jax.enable_x64(True):
        gradients = answers(problem, lambda agent, x: agent.grad(x), flat)
        hessians = answers(problem, lambda agent, x: jax.hessian(agent.value)(x), flat)
    assert np.abs(problem.weights @ gradients).max() < 1e-8
    assert np.linalg.eigvalsh(np.tensordot(problem.weights, hessians, 1))[0] > -1e-8
    assert optimal_value(problem) < optimal_value_at(problem, problem.x0)


def optimal_value_at(problem: Problem, x: Any) -> float:
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(x)])
    with jax.enable_x64(True):
        return float(problem.weights @ answers(problem, lambda agent, x: agent.value(x), flat))


@given(st.sampled_from([1e-30, 1e-8, 1e8, 1e30]))
def test_the_unit_of_a_column_changes_nothing(unit: float) -> None:
    scale = np.array([unit, 1.0, 1.0])
    for make, shards in ((problems.logistic, labelled()), (problems.least_squares, numbered())):
        x = make(shards).solve()
        other = make([(a * scale, b) for a, b in shards]).solve()
        np.testing.assert_allclose(other * scale, x, rtol=1e-7)


def test_flat_directions_are_left_alone() -> None:
    a = np.array([[1.0, 1.0], [2.0, 2.0]])
    x = problems.least_squares([(a, a @ np.array([1.0, 3.0]))]).solve()
    np.testing.assert_allclose(a @ x, a @ np.array([1.0, 3.0]), rtol=1e-12)
    assert np.abs(x).max() < 10


def test_what_has_no_minimum_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"falls without end: its Hessian has the eigenvalue -0\.5"):
        problems.quadratic(H=[[1.0, -2.0], [1.0, 1.0]], c=np.ones((2, 2))).solve()


def test_a_loss_that_is_not_smooth_is_told_with_the_gradient_that_is_left() -> None:
    problem = Problem(lambda x, a: jnp.abs(x - a), [np.array([0.0, 1.0, 5.0])], x0=np.float64(0.3))
    with pytest.warns(UserWarning, match=r"the gradient is still 0\.33"):
        problem.solve()


def test_what_cannot_be_solved_centrally_is_refused() -> None:
    with pytest.raises(ProblemError, match="does not say where to start"):
        Problem(LeastSquares(), numbered()).solve()
    svm = problems.svm(labelled(), l2=0.1)
    with pytest.raises(ProblemError, match="Hinge with a L1 term"):
        Problem(svm.loss, svm.shards, regularizer=L1(0.1), x0=svm.x0).solve()


def test_where_it_starts_may_be_given() -> None:
    problem = Problem(lambda x, a: jnp.sum((x**2 - a) ** 2), [np.ones((1, 2))])
    for start in (np.array([2.0, -3.0]), np.array([-0.5, 0.1])):
        np.testing.assert_allclose(problem.solve(start), np.sign(start), atol=1e-12)


def test_an_empty_agent_weighs_nothing() -> None:
    shards = numbered()
    with_empty = problems.least_squares([*shards, (np.zeros((0, 3)), np.zeros(0))])
    np.testing.assert_allclose(with_empty.solve(), problems.least_squares(shards).solve(), rtol=1e-13)
    assert points(with_empty, 1).shape == (1, 3)
