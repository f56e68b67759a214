"""Oracles of agents: ragged data, minibatches; proximal points and best responses by what defines them."""

from __future__ import annotations

from typing import Any

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from accord import problems
from accord.core.linalg.fista import fista
from accord.problems import Coupled, Problem
from accord.problems.agent import Agent
from accord.problems.data.rows import Rows
from accord.problems.data.shape import Shape
from accord.problems.objectives import CostCurve, Quadratic
from accord.problems.problem import stacked
from tests.problems.samples import SMOOTH, alone, answers, labelled, numbered, points

EXACT = {"solver": cp.CLARABEL, "tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("oracle", ["value", "grad"])
def test_padding_changes_nothing(oracle: str) -> None:
    problem = problems.logistic(labelled(), l2=0.1)
    x = points(problem, 1)[0]
    together = answers(problem, getattr(Agent, oracle), x)
    for k in range(problem.K):
        np.testing.assert_allclose(together[k], jax.jit(getattr(Agent, oracle))(alone(problem, k), x), rtol=1e-14)


@pytest.mark.usefixtures("float64")
def test_batches_in_their_turn_are_the_rows_each_once() -> None:
    """Over a pass, the batches weighed by their sizes make the gradient; the last is short."""
    problem = problems.logistic(labelled(), l2=0.1)
    x = points(problem, 1)[0]
    whole = answers(problem, Agent.grad, x)
    for k, n in enumerate(map(int, problem.sizes)):
        agent, size = alone(problem, k), min(5, n)
        for order in (None, np.random.default_rng(k).permutation(n)):
            total = np.zeros_like(x)
            for batch in range(-(-n // size)):
                own = min(size, n - batch * size)
                total += own * np.asarray(_batch_grad(agent, x, np.int32(batch), size, order))
            np.testing.assert_allclose(total / n, whole[k], rtol=1e-12)


_batch_grad = jax.jit(Agent.batch_grad, static_argnums=3)


@pytest.mark.usefixtures("float64")
def test_a_sampled_gradient_is_unbiased_and_never_of_padding() -> None:
    problem = problems.least_squares(numbered(), l2=0.1)
    x = points(problem, 1)[0]
    keys = jax.random.split(jax.random.key(0), 20_000)
    drawn = answers(problem, lambda agent, x: jax.vmap(lambda key: agent.sample_grad(x, key, 2))(keys), x)
    exact = answers(problem, Agent.grad, x)
    deviation = drawn.std(axis=1) / np.sqrt(len(keys))
    assert (np.abs(drawn.mean(axis=1) - exact) <= 4 * deviation + 1e-12).all()
    assert drawn[1].std(axis=0).max() < 1e-12  # who has one row always draws that


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("penalty", [0.3, 5.0])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_proximal_point_is_stationary(name: str, penalty: float) -> None:
    problem = SMOOTH[name]()
    v = points(problem, 1)[0]
    left = answers(problem, lambda agent, v: agent.grad(x := agent.prox(v, penalty)) + penalty * (x - v), v)
    assert np.abs(left).max() < 1e-11


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", SMOOTH)
def test_the_dual_oracle_inverts_the_gradient(name: str) -> None:
    problem = SMOOTH[name]()
    v = points(problem, 1)[0]
    back = answers(problem, lambda agent, v: agent.grad(agent.conjugate_grad(v)), v)
    np.testing.assert_allclose(back, np.broadcast_to(v, back.shape), atol=1e-11)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_the_proximal_point_of_a_hinge_is_what_a_convex_solver_finds(penalty: float) -> None:
    problem = problems.svm(labelled(), l2=0.05)
    v = points(problem, 1)[0]
    found = answers(problem, lambda agent, v: agent.prox(v, penalty), v)
    for k, (a, b) in enumerate(problem.shards):
        x = cp.Variable(3)
        hinge = cp.sum(cp.pos(1 - cp.multiply(2 * b - 1, a @ x))) / len(b) + 0.025 * cp.sum_squares(x)
        cp.Problem(cp.Minimize(hinge + penalty / 2 * cp.sum_squares(x - v))).solve(**EXACT)
        np.testing.assert_allclose(found[k], x.value, atol=1e-7)


def market(H: Any, c: Any, A: Any, lower: Any = None, upper: Any = None) -> Problem:
    """One agent of each row of H and c, in a market."""
    shards = [(H[k : k + 1], c[k : k + 1]) for k in range(len(c))]
    return Coupled(Quadratic(), shards, A, np.zeros(np.shape(A)[1]), lower=lower, upper=upper)


finite = st.floats(-3, 3)


@given(
    arrays.arrays(np.float64, (2, 2), elements=st.floats(0.1, 3)),
    arrays.arrays(np.float64, (2, 2), elements=finite),
    arrays.arrays(np.float64, 1, elements=finite),
    st.sampled_from(["diagonal", "matrix"]),
    st.sampled_from([None, 0.5]),
)
def test_a_best_response_meets_its_conditions(H: Any, c: Any, price: Any, kind: str, penalty: float | None) -> None:
    """x = the projection of x − ∇ on the box, ∇ that of f(x) + λᵀA x + penalty/2 ‖A x − target‖²."""
    matrix = np.stack([np.diag(h) + 0.05 for h in H]) if kind == "matrix" else H
    A = np.array([[[1.0, -2.0]], [[0.5, 1.0]]])
    problem = market(matrix, c, A, lower=-1.0, upper=1.0)
    target = None if penalty is None else np.array([0.7])
    with jax.enable_x64(True):
        found = responses(problem, price, 0.0 if penalty is None else penalty, target)
    for k, x in enumerate(found):
        full = matrix[k] if kind == "matrix" else np.diag(matrix[k])
        pull = price if target is None else price + penalty * (A[k] @ x - target)
        gradient = full @ (x - c[k]) + A[k].T @ pull
        np.testing.assert_allclose(x, np.clip(x - gradient, -1, 1), atol=1e-10)


@jax.jit
def _best(agents: Any, price: Any, penalty: Any, target: Any) -> Any:
    return jax.vmap(lambda agent: agent.best_response(price, penalty, target))(agents)


@jax.jit
def _plain(agents: Any, price: Any) -> Any:
    return jax.vmap(lambda agent: agent.best_response(price))(agents)


def responses(problem: Problem, price: np.ndarray, penalty: float = 0.0, target: Any = None) -> np.ndarray:
    agents = stacked(problem, Shape.of(problem.x0), np.ones(problem.K))
    return np.asarray(_plain(agents, price) if target is None else _best(agents, price, penalty, target))


@pytest.mark.usefixtures("float64")
def test_a_cost_that_does_not_curve_goes_to_its_bound_and_stays_where_it_does_not_matter() -> None:
    shards = [tuple(np.array([[c]]) for c in (0.0, 2.0, 0.0)) for _ in range(2)]
    problem = Coupled(CostCurve(), shards, -np.ones(2), -1.0, lower=[-1.0, 1.0], upper=3.0)
    for price, expected in ((1.0, [-1.0, 1.0]), (5.0, [3.0, 3.0]), (2.0, [0.0, 1.0])):
        assert responses(problem, np.array([price])).ravel().tolist() == expected


@pytest.mark.usefixtures("float64")
def test_contributions_sum_to_the_violation() -> None:
    A = np.random.default_rng(0).normal(size=(3, 2, 4))
    b, x = np.array([1.0, -2.0]), np.random.default_rng(1).normal(size=(3, 4))
    shards = [(np.ones((1, 4)), np.zeros((1, 4)))] * 3
    agents = stacked(Coupled(Quadratic(), shards, A, b), Shape.of(np.zeros(4)), np.ones(3))
    parts = jax.vmap(Agent.contribution)(agents, jnp.asarray(x))
    np.testing.assert_allclose(parts.sum(axis=0), sum(a @ v for a, v in zip(A, x, strict=True)) - b, atol=1e-14)


def test_an_agent_may_be_asked_in_the_users_own_structure() -> None:
    start = {"slope": np.zeros(3, np.float32), "offset": np.float32(0)}

    def loss(params: Any, example: Any) -> Any:
        a, b = example
        return (a @ params["slope"] + params["offset"] - b) ** 2

    shards = [tuple(v.astype(np.float32) for v in shard) for shard in numbered()]
    problem = Problem(loss, shards, x0=start)
    agent = alone(problem, 0)
    flat = np.arange(4, dtype=np.float32)
    own = agent.in_own_shape().grad(agent.unflatten(flat))
    assert set(own) == {"slope", "offset"}
    np.testing.assert_allclose(agent.flatten(own), agent.grad(flat), rtol=4 * np.finfo(np.float32).eps)


@pytest.mark.usefixtures("float64")
def test_the_inner_solver_finds_a_minimum_under_a_bound() -> None:
    H = np.diag([1.0, 100.0, 1e4]) + 0.5
    q = np.array([3.0, -200.0, 10.0])
    x = np.asarray(jax.jit(lambda q: fista(lambda x: H @ x + q, jnp.zeros(3), problems.Box(-1.0, 1.0).prox))(q))
    np.testing.assert_allclose(x, np.clip(x - (H @ x + q), -1, 1), atol=1e-11)
    assert (np.abs(x) <= 1).all()


def test_rows_of_one_agent_are_the_same_within_the_stack_of_everybodys() -> None:
    stack = np.arange(24).reshape(3, 4, 2)
    for k in range(3):
        alone_, within = Rows(stack[k], np.int32(4)), Rows(jnp.asarray(stack), np.int32(4), jnp.int32(k))
        assert within.capacity == alone_.capacity == 4
        np.testing.assert_array_equal(within.all(), alone_.all())
        rows, places = within.slice(3, 2)  # only one is left: slid back
        np.testing.assert_array_equal(rows, stack[k][2:4])
        assert places.tolist() == [2, 3]
        np.testing.assert_array_equal(within.take(jnp.array([3, 0])), stack[k][[3, 0]])
