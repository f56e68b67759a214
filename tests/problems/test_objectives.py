"""What losses know in closed form, against the formula in NumPy and against automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from accord import problems
from accord.problems import objectives
from accord.problems.agent import Agent
from tests.problems.samples import SMOOTH, answers, labelled, numbered, points, quadratic

pytestmark = pytest.mark.usefixtures("float64")


def sum_of_squares(x: np.ndarray) -> float:
    return float(np.sum(x * x))


def network_value(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    W, c, V, e = x[:6].reshape(2, 3), x[6:8], x[8:12].reshape(2, 2), x[12:]
    z = np.tanh(a @ W.T + c) @ V.T + e
    return -log_softmax(z, axis=1)[np.arange(len(b)), b].mean() + 0.05 * sum_of_squares(x)


def network() -> problems.Problem:
    return problems.neural_network(labelled(2), hidden=[2], classes=2, l2=0.1)


def ordered(x: np.ndarray) -> np.ndarray:
    """The parameters as `network_value` reads them: JAX lists a dict's `bias` before its `weight`."""
    return np.concatenate([x[2:8], x[:2], x[10:14], x[8:10]])


Formula = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
FORMULAE: dict[str, tuple[Callable[[], problems.Problem], Formula]] = {
    "least_squares": (
        lambda: problems.least_squares(numbered(), l2=0.1),
        lambda x, a, b: sum_of_squares(a @ x - b) / (2 * len(b)) + 0.05 * sum_of_squares(x),
    ),
    "logistic": (
        lambda: problems.logistic(labelled(), l2=0.1),
        lambda x, a, b: np.mean(np.log1p(np.exp(a @ x)) - b * (a @ x)) + 0.05 * sum_of_squares(x),
    ),
    "svm": (
        lambda: problems.svm(labelled(), l2=0.1),
        lambda x, a, b: np.mean(np.clip(1 - (2 * b - 1) * (a @ x), 0, None)) + 0.05 * sum_of_squares(x),
    ),
    "softmax": (
        lambda: problems.softmax(labelled(4), classes=4, l2=0.1),
        lambda x, a, b: (
            np.mean(logsumexp(a @ x.reshape(4, 3).T, axis=1) - (a @ x.reshape(4, 3).T)[np.arange(len(b)), b])
            + 0.05 * sum_of_squares(x)
        ),
    ),
    "matrix": (
        lambda: quadratic("matrix"),
        lambda x, H, c: float(0.5 * (x - c[0]) @ H[0] @ (x - c[0])),
    ),
    "diagonal": (
        lambda: quadratic("diagonal"),
        lambda x, H, c: 0.5 * float(np.sum(H[0] * (x - c[0]) ** 2)),
    ),
    "number": (
        lambda: quadratic("number"),
        lambda x, H, c: 0.5 * float(H[0]) * sum_of_squares(x - c[0]),
    ),
    "neural_network": (network, lambda x, a, b: network_value(ordered(x), a, b)),
}


@pytest.mark.parametrize("name", FORMULAE)
def test_value_and_gradient_are_the_formula_and_its_finite_difference(name: str) -> None:
    make, formula = FORMULAE[name]
    problem, h = make(), 1e-6
    x = points(problem, 1)[0]
    values, gradients = (answers(problem, oracle, x) for oracle in (Agent.value, Agent.grad))
    for k, shard in enumerate(problem.shards):
        assert values[k] == pytest.approx(formula(x, *shard), rel=1e-13)
        along = [(formula(x + h * e, *shard) - formula(x - h * e, *shard)) / (2 * h) for e in np.eye(len(x))]
        np.testing.assert_allclose(gradients[k], along, atol=2e-8)


def test_logistic_neither_overflows_nor_forgets_far_from_zero() -> None:
    both = jax.jit(jax.vmap(jax.value_and_grad(objectives.Logistic()), (0, None)))
    values, slopes = both(np.array([[800.0], [-800.0]]), (np.ones(1), np.int32(0)))
    assert values.tolist() == [800.0, 0.0]
    assert slopes.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("name", ["number", "diagonal", "matrix", "least_squares", "cost_curve"])
def test_the_quadratic_form_is_the_hessian_and_the_gradient_at_zero(name: str) -> None:
    random = np.random.default_rng(0)
    if name == "cost_curve":
        loss, rows = objectives.CostCurve(), tuple(random.uniform(size=(4, 2)) for _ in range(3))
    else:
        problem = SMOOTH[name]()
        loss, rows = problem.loss, jax.tree.map(lambda *leaves: np.concatenate(leaves), *problem.shards)
    weights = random.uniform(size=len(rows[0]))
    d = rows[1].shape[1] if rows[1].ndim == 2 else rows[0].shape[1]

    def f(x: Any) -> Any:
        return jnp.sum(weights * jax.vmap(loss, (None, 0))(x, rows))

    H, q = jax.jit(loss.quadratic)(rows, weights)
    np.testing.assert_allclose(np.diag(H) if H.ndim == 1 else H, jax.jit(jax.hessian(f))(np.zeros(d)), atol=1e-13)
    np.testing.assert_allclose(q, jax.jit(jax.grad(f))(np.zeros(d)), atol=1e-13)


def spectra(problem: problems.Problem, x: np.ndarray) -> np.ndarray:
    """The eigenvalues of every ∇²f_k at x, (K, d)."""
    return np.linalg.eigvalsh(answers(problem, lambda agent, x: jax.hessian(agent.value)(x), x))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_bounds_enclose_the_spectrum_of_the_hessian(name: str) -> None:
    problem = SMOOTH[name]()
    L, mu = np.array([problem.loss.bounds(shard) for shard in problem.shards]).T
    for x in (0.3 * points(problem, 1)[0], points(problem, 1)[0]):
        values = spectra(problem, x)
        assert (values[:, -1] <= L * (1 + 1e-12)).all()
        assert (values[:, 0] >= mu - 1e-12 * L).all()


@pytest.mark.parametrize("name", ["number", "diagonal", "matrix", "least_squares"])
def test_the_bounds_of_a_quadratic_are_the_spectrum(name: str) -> None:
    problem = SMOOTH[name]()
    values = spectra(problem, points(problem, 1)[0])
    bounds = [problem.loss.bounds(shard) for shard in problem.shards]
    np.testing.assert_allclose(bounds, values[:, [-1, 0]], rtol=1e-12, atol=1e-12)


def test_the_bounds_of_logistic_and_of_two_classes_are_met_at_zero() -> None:
    for problem in (problems.logistic(labelled(), l2=0.1), problems.softmax(labelled(), classes=2, l2=0.1)):
        values = spectra(problem, np.zeros(points(problem, 1).shape[1]))
        bounds = [problem.loss.bounds(shard).L for shard in problem.shards]
        np.testing.assert_allclose(bounds, values[:, -1], rtol=1e-12)


def test_the_bounds_of_several_quadratics_are_those_of_their_mean() -> None:
    H = np.stack([np.diag([1.0, 9.0]), np.diag([3.0, 1.0])])
    assert objectives.Quadratic().bounds((H, np.zeros((2, 2)))) == (5.0, 2.0)


def test_a_cost_curve_bends_as_its_coefficient_says() -> None:
    rows = (np.array([[0.5, 2.0]]), np.ones((1, 2)), np.zeros((1, 2)))
    assert objectives.CostCurve().bounds(rows) == (4.0, 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_do_not_span_the_space_have_no_strong_convexity(dtype: type) -> None:
    a = np.random.default_rng(0).normal(size=(50, 3)).astype(dtype)
    for features in (np.column_stack([a, a @ np.ones(3, dtype)]), a[:2]):
        assert objectives.LeastSquares().bounds((features, np.zeros(len(features), dtype))).mu == 0
        assert objectives.LeastSquares(0.5).bounds((features, np.zeros(len(features), dtype))).mu == 0.5


def test_scores_order_the_classes_as_the_loss_does() -> None:
    problem = problems.softmax(labelled(4), classes=4)
    X = points(problem, 1)[0].reshape(4, 3)
    a, _ = problem.shards[0]
    every_pair = jax.vmap(jax.vmap(problem.loss, (None, (None, 0))), (None, (0, None)))
    losses = jax.jit(every_pair)(X, (a, np.arange(4)))
    assert (np.argsort(losses) == np.argsort(-problem.loss.scores(X, a))).all()


def test_a_network_starts_by_glorot_and_by_its_seed() -> None:
    loss = objectives.NeuralNetwork((30, 20, 5))
    first, again, other = (loss.start(seed, np.float32) for seed in (0, 0, 1))
    assert [layer["weight"].shape for layer in first] == [(20, 30), (5, 20)]
    for layer, limit in zip(first, (np.sqrt(6 / 50), np.sqrt(6 / 25)), strict=True):
        assert layer["weight"].dtype == np.float32
        assert (layer["bias"] == 0).all()
        assert 0.9 * limit < np.abs(layer["weight"]).max() <= limit
    assert (first[0]["weight"] == again[0]["weight"]).all()
    assert (first[0]["weight"] != other[0]["weight"]).any()
