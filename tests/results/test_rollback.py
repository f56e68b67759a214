"""FAULTS 62: what is no longer finite names its agent and its round, and the run returns where it stood before."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import accord
from accord.core.status import Status
from accord.runtimes import Threads, Vectorised

PACE = 0.05
FIFTY = 1 - (1 - PACE) ** 49.5  # what x = 1 − 0.95^t is beyond from round 50 on


def breaks(x: Array, row: Array) -> Array:
    """½(x − 1)², whose gradient is no number beyond the row's limit: √ has none at 0."""
    return 0.5 * (x - 1) ** 2 + 0 * jnp.sqrt(jnp.maximum(row - x, 0))


def problem(limit: float = FIFTY) -> accord.Problem:
    limits = [np.array([limit if name == "third" else 2.0]) for name in ("first", "second", "third", "fourth")]
    return accord.Problem(breaks, limits, x0=np.zeros(()), names=("first", "second", "third", "fourth"))


def ended(method: Any, problem: accord.Problem, **how: Any) -> accord.Run:
    return accord.run(problem, method, stop=accord.Stop(rounds=90, progress=0), **how)


@pytest.mark.parametrize("runtime", [Vectorised(), Threads(2)], ids=["vectorised", "threads"])
@pytest.mark.parametrize("record", [1, 20])
def test_a_client_without_a_number_is_named_and_the_last_finite_state_is_returned(runtime: Any, record: int) -> None:
    run = ended(accord.FedSGD(PACE), problem(), runtime=runtime, record=record)
    assert run.x == pytest.approx(1 - (1 - PACE) ** 50, rel=1e-12)
    assert (run.status, run.rounds, run.history["round"].iloc[-1]) == (Status.NOT_FINITE, 50, 50)
    assert np.isfinite(run.history["objective"]).all()
    assert "in round 51 the gradient of agent third is no longer finite" in run.reason
    assert "of round 50" in run.reason


def test_a_peer_without_a_number_is_named_before_its_neighbours_have_heard_it() -> None:
    run = ended(accord.DGD(PACE), problem(), network=accord.networks.ring(4))
    assert np.isfinite(run.agents).all()
    assert run.rounds == 50
    assert "in round 51 the model of agent third is" in run.reason


def test_a_start_where_the_objective_has_no_value_is_returned_and_who_has_none_is_named() -> None:
    def pole(x: Array, row: Array) -> Array:
        return row / (x - x) + x**2

    shards = [np.zeros(1), np.ones(1)]
    run = ended(accord.FedSGD(0.1), accord.Problem(pole, shards, x0=np.ones(())))
    assert (run.x, run.rounds, run.status) == (1.0, 0, Status.NOT_FINITE)
    assert "at x0 the loss of agents 0 and 1 is not finite. Start where" in run.reason


def test_what_diverges_in_all_numbers_is_told_by_how_many_they_are() -> None:
    steep = accord.problems.quadratic(H=np.full(5, 1e100), c=np.arange(5.0))
    run = ended(accord.FedSGD(1.0), steep)
    assert np.isfinite(run.x)
    assert "of 5 agents is no longer finite" in run.reason
