"""Methods of second order: a quadratic at once, and what goes wrong with Hessians."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.engine.planning.tuning import unlikeness
from accord.errors import MethodError
from accord.methods.shared.second_order import conjugate_gradients, direction, falls, packed, unpacked
from accord.problems.data.shape import Shape
from accord.problems.problem import single, stacked

RANDOM = np.random.default_rng(0)
A = [RANDOM.normal(size=(n, 3)) for n in (30, 8, 50)]
LOGISTIC = accord.problems.logistic(
    [(a, (a @ [1.0, -1, 2] + RANDOM.normal(size=len(a)) > 0) * 1.0) for a in A], l2=0.01
)
H = np.array([[[2.0, 1.0], [1.0, 3.0]], [[4.0, 0.0], [0.0, 1.0]]])
C = np.array([[1.0, 0.0], [0.0, 2.0]])
WEIGHTS = np.array([0.75, 0.25])
SQUARE = accord.problems.quadratic(H, C, weights=WEIGHTS)
OPTIMUM = np.linalg.solve(np.einsum("k,kij->ij", WEIGHTS, H), np.einsum("k,kij,kj->i", WEIGHTS, H, C))


def after(rounds: int, problem: accord.Problem, method: Any, x0: Any = None, **how: Any) -> accord.Run:
    return accord.run(problem, method, x0, stop=accord.Stop(rounds=rounds, progress=0), record=1, **how)


@pytest.mark.parametrize(
    ("method", "rounds", "network"),
    [
        (accord.Newton(), 1, None),
        (accord.FedNL(rank=2), 2, None),  # in the first Ĥ = 0, and the step is one of the gradient
        (accord.NewtonConsensus(), 1, accord.networks.complete(2)),
    ],
)
def test_a_quadratic_is_solved_at_once(method: Any, rounds: int, network: Any) -> None:
    run = after(rounds, SQUARE, method, network=network)
    np.testing.assert_allclose(run.x, OPTIMUM, atol=1e-14)
    assert run.history["gradients"].iloc[-1] == 3 * rounds  # one, and the two columns of a Hessian


@pytest.mark.parametrize(
    ("method", "network"), [(accord.Newton(), None), (accord.NewtonConsensus(), accord.networks.ring(3))]
)
def test_a_logistic_model_takes_six_rounds(method: Any, network: Any) -> None:
    run = after(6, LOGISTIC, method, network=network)
    np.testing.assert_allclose(run.x, LOGISTIC.solve(), atol=1e-10)


def test_a_step_that_would_raise_the_objective_is_halved_and_costs_a_round() -> None:
    """For √(1+x²) Newton's step from x leads to −x³, away from 0 beyond 1."""
    problem = accord.Problem(lambda x, row: jnp.sqrt(1 + x * x) + 0 * row[0], [np.ones((1, 1))], x0=2.0)
    objective = after(12, problem, accord.Newton()).history["objective"].to_numpy()
    assert objective[1] == pytest.approx(np.sqrt(1 + 64))
    assert objective[2] == pytest.approx(np.sqrt(1 + 9))  # 2 − 5: half way
    assert objective[3] == pytest.approx(np.sqrt(1 + 0.25))  # 2 − 2.5: a quarter, which is less than at 2
    assert objective[-1] == pytest.approx(1, abs=1e-14)


def test_where_the_hessian_is_not_positive_definite_it_is_damped() -> None:
    """x⁴/4 − x²/2 curves downwards about 0, where undamped steps would lead; its minima are ±1."""
    problem = accord.Problem(lambda x, row: x**4 / 4 - x**2 / 2 + 0 * row[0], [np.ones((1, 1))], x0=0.1)
    assert float(after(40, problem, accord.Newton()).x) == pytest.approx(1, abs=1e-9)


def test_fewer_rows_than_decisions_are_no_trouble() -> None:
    a, b = RANDOM.normal(size=(2, 5)), np.array([1.0, 2.0])
    run = after(5, accord.problems.least_squares([(a, b)]), accord.Newton())
    np.testing.assert_allclose(a @ run.x, b, atol=1e-10)
    assert np.linalg.norm(run.x) < 1.01 * np.linalg.norm(np.linalg.pinv(a) @ b)


def test_too_many_decisions_and_what_has_no_gradient_are_refused_by_name() -> None:
    wide = accord.Problem(lambda x, row: (x * x).sum() + 0 * row[0], [np.ones((1, 1))], x0=np.zeros(2001))
    with pytest.raises(MethodError, match=r"2,003,001 numbers for 2,001 decisions.* Use GIANT"):
        accord.run(wide, accord.Newton())
    lasso = accord.problems.lasso([(A[0], A[0] @ np.ones(3))], l1=0.1)
    with pytest.raises(MethodError, match="cannot treat the term L1"):
        accord.run(lasso, accord.Newton())


@pytest.mark.parametrize(
    "method",
    [accord.Newton(), *(pytest.param(one, marks=pytest.mark.slow) for one in (accord.GIANT(), accord.FedNL()))],
)
def test_agents_that_answer_in_numpy_may_have_a_hessian(method: Any) -> None:
    def agent(h: np.ndarray, c: np.ndarray) -> accord.Opaque:
        return accord.Opaque(
            value=lambda x: 0.5 * (x - c) @ h @ (x - c), grad=lambda x: h @ (x - c), hessian=lambda x: h
        )

    problem = accord.Problem(None, [agent(h, c) for h, c in zip(H, C, strict=True)], weights=WEIGHTS, x0=np.zeros(2))
    threads = accord.runtimes.Threads()
    np.testing.assert_allclose(after(3, problem, method, runtime=threads).x, after(3, SQUARE, method).x, atol=1e-12)


def test_agents_without_a_hessian_are_named() -> None:
    plain = accord.Opaque(value=lambda x: float(x @ x), grad=lambda x: 2 * x)
    with pytest.raises(MethodError, match=r"hessian.* Give Opaque\(hessian=...\)"):
        accord.run(accord.Problem(None, [plain], x0=np.zeros(2)), accord.Newton(), runtime=accord.runtimes.Threads())


def test_alike_clients_give_giant_newtons_own_step() -> None:
    """g, d, and s = 1 of those tried: three rounds."""
    alike = accord.problems.quadratic([H[0], H[0]], C)
    np.testing.assert_allclose(after(3, alike, accord.GIANT()).x, C.mean(0), atol=1e-12)


def test_giant_stays_on_its_way_where_clients_are_unlike() -> None:
    """Σ p_k/h_k is 100 times 1/Σ p_k h_k and more, so that whole steps would diverge."""
    unlike = accord.problems.quadratic([[1e-2, 1.0], [1.0, 1e-2]], C)
    run = after(300, unlike, accord.GIANT())
    assert (np.diff(run.history["objective"]) <= 1e-15).all()
    np.testing.assert_allclose(run.x, unlike.solve(), atol=1e-9)


def test_dane_contracts_as_its_closed_form_and_diverges_where_clients_differ_by_more_than_its_pull() -> None:
    h, c = np.array([1.0, 100.0]), np.array([0.0, 1.0])
    problem, optimum = accord.problems.quadratic(h, c), h @ c / h.sum()
    for m in (1.0, 99.0):
        x = float(after(2, problem, accord.DANE(penalty=m)).x)
        assert x - optimum == pytest.approx((1 - h.mean() * np.mean(1 / (h + m))) * (0 - optimum), rel=1e-12)
    assert abs(after(40, problem, accord.DANE(penalty=1.0)).x - optimum) > 1e10
    assert after(160, problem, accord.DANE()).x == pytest.approx(optimum, abs=1e-12)


def test_how_unlike_clients_are_is_measured_at_the_start() -> None:
    assert unlikeness(accord.problems.quadratic([1.0, 100.0], [0.0, 1.0])) == pytest.approx(49.5, rel=1e-6)
    apart = H - np.einsum("k,kij->ij", WEIGHTS, H)
    largest = np.linalg.eigvalsh(np.einsum("k,kij,kjl->il", WEIGHTS, apart, apart))[-1]
    assert unlikeness(SQUARE) == pytest.approx(np.sqrt(largest), rel=1e-6)


def test_peers_that_gossip_to_little_accuracy_come_to_the_optimum_all_the_same() -> None:
    run = after(60, LOGISTIC, accord.NewtonConsensus(J=1), network=accord.networks.path(3))
    np.testing.assert_allclose(run.agents, np.tile(LOGISTIC.solve(), (3, 1)), atol=1e-10)


def test_a_hessian_is_the_derivative_of_the_gradient() -> None:
    softmax = accord.problems.softmax([(a, np.arange(len(a)) % 3) for a in A], classes=3, l2=0.1)
    with jax.enable_x64(True):
        for problem in (LOGISTIC, softmax):
            shape = Shape.of(problem.x0)
            x, v = jnp.asarray(RANDOM.normal(size=(2, shape.size)))
            agent = single(problem, shape, np.full(3, 2.5), 1)
            ask = jax.jit(lambda agent, x, v: (jax.jacrev(agent.grad)(x), agent.hessian(x), agent.hvp(x)(v)))
            expected, found, times = ask(agent, x, v)
            np.testing.assert_allclose(found, expected, atol=1e-12)
            np.testing.assert_allclose(times, expected @ v, atol=1e-12)


def test_agents_of_uneven_sizes_have_their_own_second_derivatives_all_at_once() -> None:
    """Their rows lie in pages that are everybody's, and a page stands for its owner in every derivative."""
    a = [RANDOM.normal(size=(n, 3)) for n in (200, 3, 5, 9)]
    uneven = accord.problems.logistic([(one, np.arange(len(one)) % 2.0) for one in a], l2=0.1)
    with jax.enable_x64(True):
        shape = Shape.of(uneven.x0)
        agents = stacked(uneven, shape, np.ones(4))
        assert agents.rows.blocks is not None
        x, v = jnp.asarray(RANDOM.normal(size=(2, 4, 3)))
        ask = jax.jit(jax.vmap(lambda agent, x, v: (agent.hessian(x), agent.hvp(x)(v)), (agents.axes, 0, 0)))
        H, times = ask(agents, x, v)
    s = [1 / (1 + np.exp(-(rows @ np.asarray(at)))) for rows, at in zip(a, x, strict=True)]
    expected = [(rows.T * (s * (1 - s))) @ rows / len(rows) + 0.1 * np.eye(3) for rows, s in zip(a, s, strict=True)]
    np.testing.assert_allclose(H, expected, atol=1e-12)
    np.testing.assert_allclose(times, np.einsum("kij,kj->ki", expected, v), atol=1e-12)


def test_a_triangle_holds_its_matrix() -> None:
    with jax.enable_x64(True):
        S = jnp.asarray(A[0].T @ A[0])
        np.testing.assert_array_equal(unpacked(packed(S), 3), S)
        np.testing.assert_allclose(direction(S, S @ np.ones(3)), -np.ones(3), atol=1e-12)
        np.testing.assert_allclose(conjugate_gradients(lambda v: S @ v, S @ np.ones(3), 9), np.ones(3), atol=1e-9)
        assert np.isfinite(direction(jnp.zeros((2, 2)), jnp.ones(2))).all()
        assert np.isnan(direction(jnp.full((2, 2), jnp.nan), jnp.ones(2))).all()  # and it ends


def test_a_step_counts_as_short_by_the_objective_and_at_its_rounding_by_the_slope() -> None:
    with jax.enable_x64(True):
        f, slope = jnp.float64(1.0), jnp.float64(-1.0)
        assert falls(f - 0.1, slope, f, slope, 1.0)
        assert not falls(f - 1e-9, slope, f, slope, 1.0)
        assert falls(f, 1e-20, f, jnp.float64(-1e-18), 1.0)
        assert not falls(f, 2e-18, f, jnp.float64(-1e-18), 1.0)
        assert not falls(jnp.nan, slope, f, slope, 1.0)
