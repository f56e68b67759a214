"""What step sizes are chosen from: measured once for all agents, by one program, and only where it is asked for."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import accord
from accord.engine.planning.constants import constants, curvature
from accord.engine.planning.tuning import tune
from accord.errors import MethodError
from accord.problems.objectives import LeastSquares, Logistic, Softmax
from tests.compiling import compilations

SIZES = (3, 5, 2, 0, 4)


def pseudo_huber(x: Array, example: tuple[Array, Array]) -> Array:
    """√(1 + (aᵀx − b)²): no bound of its own is known to Accord; at aᵀx = b its curvature is aaᵀ."""
    a, b = example
    return jnp.sqrt(1 + (a @ x - b) ** 2)


def ragged(scale: float = 1.0, sizes: tuple[int, ...] = SIZES) -> accord.Problem:
    rng = np.random.default_rng(0)
    shards = [(scale * rng.normal(size=(n, 3)) * [4.0, 1.0, 1.0], np.zeros(n)) for n in sizes]
    return accord.Problem(pseudo_huber, shards, x0=np.zeros(3))


@pytest.mark.parametrize("sizes", [SIZES, (3, 5, 2, 0, 4000)], ids=["stacked", "in pages"])
def test_the_curvature_of_every_agent_is_the_largest_eigenvalue_of_its_hessian(sizes: tuple[int, ...]) -> None:
    problem = ragged(sizes=sizes)
    wanted = [np.linalg.eigvalsh(a.T @ a / len(a))[-1] if len(a) else 0 for a, _ in problem.shards]
    np.testing.assert_allclose(curvature(problem).L, wanted, rtol=1e-6)
    assert (problem.rows.blocks is not None) == (max(sizes) > 100)


def test_all_agents_are_measured_by_one_program_and_a_second_run_compiles_nothing() -> None:
    curvature(ragged())  # what JAX itself compiles the first time
    with compilations() as seconds:
        curvature(accord.Problem(lambda x, example: 2 * pseudo_huber(x, example), ragged().shards, x0=np.zeros(3)))
    assert len(seconds) == 1
    net, stop = accord.networks.ring(5), accord.Stop(rounds=3, progress=0)
    accord.run(ragged(), accord.NIDS(), network=net, stop=stop)
    with compilations() as seconds:
        chosen = accord.run(ragged(2.0), accord.NIDS(), network=net, stop=stop)
        given = accord.run(ragged(), accord.NIDS(step_size=1e-3), network=net, stop=stop)
    assert seconds == []
    assert chosen.rounds == given.rounds == 3


def test_a_step_that_is_given_is_held_against_its_limit_and_one_that_is_chosen_is_within() -> None:
    net = accord.networks.ring(5)
    with pytest.raises(MethodError, match=r"NIDS has step_size=1000, but it has to stay below 2/L"):
        accord.run(ragged(), accord.NIDS(step_size=1e3), network=net)


def test_nothing_is_measured_for_a_step_that_is_given_where_no_limit_is_stated(monkeypatch: Any) -> None:
    monkeypatch.setattr("accord.engine.planning.tuning.curvature", None)
    run = accord.run(ragged(), accord.FedSGD(0.1), stop=accord.Stop(rounds=2, progress=0))
    assert run.rounds == 2


@pytest.mark.parametrize(
    "loss", [LeastSquares(0.3), Logistic(0.3), Softmax(2, 0.3)], ids=lambda loss: type(loss).__name__
)
def test_the_bound_of_every_row_is_that_of_the_row_alone(loss: Any) -> None:
    a, b = np.random.default_rng(0).normal(size=(7, 3)), np.zeros(7, int)
    alone = [loss.bounds((a[i : i + 1], b[i : i + 1])).L for i in range(7)]
    np.testing.assert_allclose(loss.bounds_of_rows((a, b)), alone, rtol=1e-12)


def test_sampling_methods_choose_their_step_by_the_roughest_row() -> None:
    shards = [(np.array([[1.0], [3.0]]), np.zeros(2)), (np.array([[2.0]]), np.zeros(1))]
    problem, net = accord.problems.least_squares(shards), accord.networks.complete(2)
    found = constants(problem, "peers", net)[0]._replace(L_row=2 * 2 / 3 * 3.0**2)  # K p_k ‖a‖²
    method, _ = tune(accord.methods.GTSAGA(), problem, net)
    assert method.step_size == pytest.approx(method.rules["step_size"].value(found))
