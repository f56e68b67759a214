"""Decisions bounded on one side only, of costs that no formula answers for: the inner solver ends, in any units."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.core.linalg.fista import fista, last_move

CURVES = [np.array([[0.004, 5.3]]), np.array([[0.006, 5.5]]), np.array([[0.009, 5.8]])]


def cost(x: Any, curve: Any) -> Any:
    """Saadat's cost curves, of which no closed form is known."""
    return curve[0] * (x**2).sum() + curve[1] * x.sum()


def test_fault_19_an_inner_solver_ends_where_decisions_have_a_lower_bound_alone() -> None:
    """Whether a step is short enough is decided once: worked out twice it may round both ways, and never end."""
    lower = np.array([[200.0], [150.0], [100.0]])
    market = accord.Coupled(cost, CURVES, A=np.ones(3), b=975.0, lower=lower)
    run = accord.run(market, accord.ExchangeADMM(penalty=0.01), stop=accord.Stop(rounds=300, progress=0))
    slope = 2 * np.array([0.004, 0.006, 0.009])
    power = (-run.prices[0] - [5.3, 5.5, 5.8]) / slope  # the price of what may be had, not of what is asked for
    np.testing.assert_allclose(run.x.ravel(), power, rtol=1e-9)
    assert run.x.sum() == pytest.approx(975, abs=1e-8)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60], ids=["tiny", "huge"])
def test_an_inner_solver_takes_the_same_steps_in_any_units(unit: float) -> None:
    """Of decisions, and of costs: a power of two changes no digit."""
    rows = np.random.default_rng(0).normal(size=(30, 4)) * [1, 0.5, 0.1, 0.05]
    slope = jax.grad(lambda x: jnp.mean(jnp.logaddexp(rows @ x, 0.0) - 0.3 * rows @ x) + 0.01 * x @ x)
    start = jnp.zeros(4)
    plain = jax.jit(lambda x: fista(slope, x))(start)
    assert (jax.jit(lambda x: fista(lambda x: unit * slope(x), x))(start) == plain).all()
    assert (jax.jit(lambda x: fista(lambda x: slope(x / unit) / unit, x))(start) == unit * plain).all()


@pytest.mark.usefixtures("float64")
def test_an_inner_solver_goes_to_a_far_bound_where_a_cost_is_straight() -> None:
    """A billion away, and still at rest there."""
    asked = (lambda x: jnp.ones(2), jnp.zeros(2), lambda v, step: jnp.clip(v, -1e9, 1e9))
    assert fista(*asked).tolist() == [-1e9, -1e9]
    assert last_move(*asked).tolist() == [0, 0]
