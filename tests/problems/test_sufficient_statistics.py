"""Least squares from sufficient statistics: as good as from rows, wherever they are used, and only there."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.problems import least_squares
from accord.problems.agent import agent_at
from accord.problems.data.shape import Shape
from accord.problems.problem import stacked

SIZES = (40, 55, 31)


def shards(offset: float = 0.0, noise: float = 0.1, sizes=SIZES, d: int = 5) -> list:
    random = np.random.default_rng(3)
    x = random.standard_normal(d)
    made = [random.standard_normal((n, d)) for n in sizes]
    for A in made:
        A[:, -1] = 1.0
    return [(A, A @ x + offset + noise * random.standard_normal(len(A))) for A in made]


def agents(problem, statistics: bool):
    found = stacked(problem, Shape.of(problem.x0), np.array([1.0, 2.0, 0.5]))
    assert found.statistics is not None
    return found if statistics else replace(found, statistics=None)


def asked(agent, x):
    return agent.grad(x), agent.hessian(x), agent.hvp(x)(x), agent.prox(x, 0.7), agent.conjugate_grad(x)


@pytest.mark.parametrize("given", [{}, {"l2": 0.3}, {"l2": 0.3, "intercept": True}])
def test_gradients_and_the_quadratic_are_those_of_the_rows(given):
    problem = least_squares(shards(), **given)
    with jax.enable_x64(True):
        for x in (np.asarray(problem.solve()), np.ones(5)):
            found, exact = (jax.vmap(asked, (0, None))(agents(problem, few), x) for few in (True, False))
            for one, other in zip(found, exact, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("offset", "noise"), [(0.0, 0.1), (1e3, 0.1), (0.0, 1e-3)])
def test_no_digit_of_a_value_is_lost_where_the_targets_are_far_from_0_and_the_residuals_small(offset, noise):
    """About 0 instead of each agent's minimum ‖b‖² would cancel: eight digits of sixteen in the second case."""
    data = shards(offset, noise)
    problem = least_squares(data)
    with jax.enable_x64(True):
        for x in (np.asarray(problem.solve()), np.ones(5)):
            found = jax.vmap(lambda agent, x=x: agent.value(x))(agents(problem, True))
            exact = [np.mean((A @ x.astype(np.longdouble) - b) ** 2) / 2 for A, b in data]
            np.testing.assert_allclose(found, np.array([1.0, 2.0, 0.5]) * np.array(exact, float), rtol=1e-12)


def test_a_minibatch_is_of_the_rows():
    problem = least_squares(shards())
    with jax.enable_x64(True):
        short, long = (taken_alone(agents(problem, statistics)) for statistics in (True, False))
        x, key = jnp.ones(5), jax.random.key(0)
        np.testing.assert_array_equal(short.sample_grad(x, key, 7), long.sample_grad(x, key, 7))
        np.testing.assert_allclose(short.grad(x), long.grad(x), rtol=1e-13)


def taken_alone(stack):
    return agent_at(jax.tree.map(jnp.asarray, stack), jnp.asarray(1, jnp.int32))


@pytest.mark.parametrize(
    ("why", "problem", "dtype"),
    [
        ("few rows", lambda: least_squares(shards(sizes=(9, 9, 9))), float),
        ("one agent has fewer rows than decisions", lambda: least_squares(shards(sizes=(90, 90, 4))), float),
        ("uneven units", lambda: least_squares([(A * [1, 1, 1, 1, 300], b) for A, b in shards()]), float),
        ("single precision", lambda: least_squares(shards()), np.float32),
        ("no such loss", lambda: accord.problems.logistic([(A, b > 0) for A, b in shards()]), float),
    ],
)
def test_rows_are_kept_to_where_statistics_would_not_do(why, problem, dtype):
    problem = problem()
    assert stacked(problem, Shape.of(problem.x0), np.ones(3, dtype)).statistics is None


@pytest.mark.parametrize("sizes", [SIZES, (400, 20, 13)])  # in a stack, and in pages
def test_every_runtime_reaches_the_answer_from_statistics(sizes):
    problem = least_squares(shards(sizes=sizes), l2=0.1)
    stop = accord.Stop(rounds=12, progress=0)
    ring = accord.networks.ring(3)
    runs = [
        accord.run(problem, accord.GradientTracking(0.05), network=ring, stop=stop, runtime=runtime)
        for runtime in (None, accord.runtimes.Threads(2))
    ]
    long = least_squares(shards(sizes=sizes), l2=0.1)
    long.__dict__["statistics"] = None
    runs.append(accord.run(long, accord.GradientTracking(0.05), network=ring, stop=stop))
    for run in runs[1:]:
        np.testing.assert_allclose(run.x, runs[0].x, rtol=1e-12)
        np.testing.assert_allclose(run.history["objective"], runs[0].history["objective"], rtol=1e-12)
    cohort = [accord.run(p, accord.FedSGD(0.1), participation=2, stop=stop, seed=1).x for p in (problem, long)]
    np.testing.assert_allclose(cohort[0], cohort[1], rtol=1e-12)
