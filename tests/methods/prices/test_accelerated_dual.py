"""Momentum in prices: rounds grow with the root of the condition number, and a step beyond its range is refused."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.errors import MethodError
from accord.problems import Coupled
from accord.problems.objectives import Quadratic


def rounds_until(run: accord.Run, violation: float) -> int:
    return int(run.history["round"][run.history["violation"] < violation].iloc[0])


def test_rounds_grow_with_the_root_of_the_condition_number() -> None:
    """Two prices, of which one moves the agents 30 times as far as the other: κ of the dual is 900."""
    A = np.array([[[30.0, 0.0], [0.0, 1.0]]] * 2)
    rows = [(np.ones((1, 2)), np.full((1, 2), c)) for c in (1.0, 2.0)]
    problem = Coupled(Quadratic(), rows, A, b=[1.0, 1.0])
    stop = accord.Stop(rounds=20000, progress=0)
    plain, fast = (
        rounds_until(accord.run(problem, method, stop=stop, record=10), 1e-6)
        for method in (accord.DualDecomposition(), accord.AcceleratedDual())
    )
    assert plain > 10000
    assert fast < 1000


def test_fault_21_a_step_beyond_the_range_of_the_momentum() -> None:
    market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    with pytest.raises(MethodError, match=r"step_size=0\.006, but it has to stay below 4/\(3 L_d\) = 0\.0050526"):
        accord.run(market, accord.AcceleratedDual(0.006))


def test_fault_21_a_damping_that_is_no_less_than_one_over_the_agents_in_a_row() -> None:
    market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    with pytest.raises(MethodError, match=r"damping=0\.34, but it has to stay below 1/q = 0\.33333"):
        accord.run(market, accord.ADAL(damping=0.34))


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_fault_21_a_penalty_that_is_no_positive_number(value: float) -> None:
    market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    for method in (accord.SharingADMM(penalty=value), accord.ADAL(penalty=value), accord.DualDecomposition(value)):
        with pytest.raises(MethodError, match="Give a positive number"):
            accord.run(market, method)
