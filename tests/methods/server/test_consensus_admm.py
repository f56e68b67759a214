"""Consensus ADMM: quadratics, the lasso and constraints, from any penalty; balancing pays and comes to rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.problems.regularizers import Box, Simplex

RANDOM = np.random.default_rng(4)
SHARDS = [(RANDOM.normal(size=(n, 3)), RANDOM.normal(size=n)) for n in (8, 5, 12)]
LASSO = accord.problems.lasso(SHARDS, l1=0.1)


def run(problem: accord.Problem, method: Any, rounds: int = 400) -> accord.Run:
    return accord.run(problem, method, stop=accord.Stop(rounds=rounds, progress=0))


def constrained(regularizer: Any) -> accord.Problem:
    start = np.array([1.0, 0, 0]) if isinstance(regularizer, Simplex) else np.zeros(3)  # within the constraint
    return accord.Problem(LASSO.loss, SHARDS, regularizer=regularizer, x0=start)


@pytest.mark.parametrize("term", [LASSO.regularizer, Box(-0.05, 0.02), Simplex()], ids=lambda term: type(term).__name__)
def test_the_centralised_answer_is_reached_under_any_term(term: Any) -> None:
    """Unequal shards, so unequal weights; every agent's own model comes to be the answer."""
    problem = constrained(term)
    found, x = run(problem, accord.ConsensusADMM()), problem.solve()
    np.testing.assert_allclose([found.x, *found.agents], [x] * 4, rtol=0, atol=1e-9)
    assert np.abs(x - accord.problems.least_squares(SHARDS).solve()).max() > 0.01  # the term matters


@pytest.mark.parametrize("penalty", [1e-3, 1e3])
def test_balancing_saves_a_penalty_a_thousand_times_off(penalty: float) -> None:
    x = LASSO.solve()
    left, balanced = (
        np.abs(run(LASSO, accord.ConsensusADMM(penalty, balancing=rounds), 80).x - x).max() for rounds in (0, 100)
    )
    assert balanced < 1e-9
    assert left > 1e3 * balanced


def test_a_round_is_that_of_the_equations_written_out() -> None:
    """f_k = h_k/2 (x − c_k)², ρ = 2: three rounds by hand."""
    h, c, rho = np.array([1.0, 10.0]), np.array([0.0, 1.0]), 2.0
    z, x, u = 0.0, np.zeros(2), np.zeros(2)
    for _ in range(3):
        u = u + x - z
        x = (h * c + rho * (z - u)) / (h + rho)
        z = (x + u).mean()
    found = run(accord.problems.quadratic(h, c), accord.ConsensusADMM(rho, balancing=0), 3)
    assert float(found.x) == pytest.approx(z, abs=1e-14)
