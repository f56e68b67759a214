"""Allocations: feasible at every round, and never dearer than the round before."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accord
from accord.errors import MethodError
from accord.methods.prices.primal_decomposition import clearing_level
from accord.problems import Coupled, dispatch
from accord.problems.objectives import Quadratic

LIMITS = [200, 150, 100], [450, 350, 225]
ROWS = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]


def capped(b: float) -> Coupled:
    return Coupled(Quadratic(), ROWS, [1.0] * 3, b, sense="<=")


CASES = {
    "saadat 7.6": dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], *LIMITS, 975),
    "a cap that binds": capped(6.0),
    "a cap that does not": capped(20.0),
}


@pytest.mark.parametrize("problem", CASES.values(), ids=CASES)
def test_decisions_are_feasible_at_every_round_and_cost_less_each_time(problem: Any) -> None:
    run = accord.run(problem, accord.PrimalDecomposition(), stop=accord.Stop(rounds=120, progress=0), record=1)
    history = run.history.iloc[2:]
    assert (history["violation"] < 1e-11).all()
    assert (np.diff(history["objective"]) <= 1e-11 * run.history["objective"].abs().max()).all()
    assert (history["dual_value"] <= history["objective"] + 1e-8).all()
    np.testing.assert_allclose(run.x, problem.solve(), rtol=0, atol=1e-9)


def test_allocations_add_up_for_a_cost_without_a_closed_form() -> None:
    """Two rows, three decisions, log cosh: the inner solver keeps A x = y."""
    random = np.random.default_rng(0)
    A = random.normal(size=(3, 2, 3))
    rows = [random.normal(size=(4, 3)) for _ in range(3)]
    problem = Coupled(lambda x, a: (0.5 * (x - a) ** 2 + jnp.log(jnp.cosh(x))).sum(), rows, A, b=[1.0, -1.0])
    stop = accord.Stop(rounds=400, progress=0)
    run = accord.run(problem, accord.PrimalDecomposition(step_size=0.05), stop=stop, record=20)
    assert (run.history["violation"][2:] < 1e-11).all()
    np.testing.assert_allclose(run.x, problem.solve(), rtol=0, atol=1e-8)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 0), st.floats(0, 9)), min_size=1, max_size=6))
def test_the_level_clears(agents: list[tuple[float, float, float]]) -> None:
    """Σ clip(w − λ, least, most) = 0 has a solution when 0 is between the sums of the bounds."""
    with jax.enable_x64(True):
        wishes, least, most = (jnp.array(column, jnp.float64)[:, None] for column in zip(*agents, strict=True))
        level = clearing_level(wishes, least, most)
        assert abs(float(jnp.clip(wishes - level, least, most).sum())) < 1e-12


def test_what_it_cannot_allocate_is_refused() -> None:
    rows = [(np.ones((1, 2)), np.full((1, 2), c)) for c in (1.0, 2.0)]
    bounded = Coupled(Quadratic(), rows, np.ones((2, 2)), 1.0, lower=0.0)
    with pytest.raises(MethodError, match="agent 0 has bounds on 2 decisions under 1 constraints"):
        accord.run(bounded, accord.PrimalDecomposition())
    dependent = Coupled(Quadratic(), rows, np.array([[[1.0, 0.0], [2.0, 0.0]]] * 2), [1.0, 2.0])
    with pytest.raises(MethodError, match="no safe step_size: its rule 1/L_v, where every A_k has independent rows"):
        accord.run(dependent, accord.PrimalDecomposition())


def test_straight_costs_are_allotted_too() -> None:
    """What the allocation costs has no curvature, so any step is short enough, and the cheapest gets all it can."""
    run = accord.run(accord.problems.dispatch([0, 0, 0], [10, 20, 30], 0, 0, 300, 500), accord.PrimalDecomposition())
    np.testing.assert_allclose(run.x.ravel(), [300, 200, 0], atol=1e-6)
    assert run.converged
