"""Proximal operators, against CVXPY and by the inequality that defines them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import accord
from accord.problems import L1, Box, GroupL2, Simplex

GROUP = np.array([0, 1, 0, 2, 1, 1])
EACH = np.array([0.0, 0.5, 1.0, 2.0, 0.1, 0.3])
TERMS: dict[str, tuple[Any, Callable[[Any], tuple[Any, list[Any]]]]] = {
    "l1": (L1(0.7), lambda x: (0.7 * cp.norm1(x), [])),
    "l1 each": (L1(EACH), lambda x: (EACH @ cp.abs(x), [])),
    "box": (Box(-0.5, 0.8), lambda x: (0, [x >= -0.5, x <= 0.8])),
    "simplex": (Simplex(1.5), lambda x: (0, [x >= 0, cp.sum(x) == 1.5])),
    "groups": (
        GroupL2(0.6, GROUP),
        lambda x: (0.6 * sum(cp.norm2(x[group]) for group in ([0, 2], [1, 4, 5], [3])), []),
    ),
}
vectors = arrays.arrays(np.float64, 6, elements=st.floats(-4, 4))


def evaluated(term: Any, oracle: str, *arguments: Any) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(_asked(term, oracle, *arguments))


@partial(jax.jit, static_argnums=1)
def _asked(term: Any, oracle: str, *arguments: Any) -> Any:
    return getattr(term, oracle)(*arguments)


@pytest.mark.parametrize("name", TERMS)
def test_prox_is_what_a_convex_solver_finds(name: str) -> None:
    term, model = TERMS[name]
    for v, step in ((np.array([2.0, -1.0, 0.3, 0.0, 1.5, -0.2]), 1.0), (np.array([0.4, 3.0, -2, 1, 1, -1]), 0.3)):
        x = cp.Variable(6)
        r, constraints = model(x)
        exact = {"solver": cp.CLARABEL, "tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-13}
        cp.Problem(cp.Minimize(r + cp.sum_squares(x - v) / (2 * step)), constraints).solve(**exact)
        np.testing.assert_allclose(evaluated(term, "prox", v, step), x.value, atol=1e-6)


@given(st.sampled_from(sorted(TERMS)), vectors, vectors, st.floats(0.01, 10))
def test_prox_is_no_worse_than_any_other_point(name: str, v: np.ndarray, other: np.ndarray, step: float) -> None:
    """r(z) ≥ r(p) + ⟨v−p, z−p⟩/t for every z: p is the proximal point, by the subgradient that it has."""
    term = TERMS[name][0]
    p = evaluated(term, "prox", v, step)
    z = evaluated(term, "prox", other, step) if name in ("box", "simplex") else other  # where r is finite
    gained = float(evaluated(term, "value", z)) - float(evaluated(term, "value", p))
    assert np.isfinite(float(evaluated(term, "value", p)))
    assert gained >= (v - p) @ (z - p) / step - 1e-10 / step


def test_values_are_the_formulae() -> None:
    x = np.array([3.0, 0, -4, 0, 1, 2])
    assert evaluated(L1(0.5), "value", x) == 5.0
    assert evaluated(L1(EACH), "value", x) == pytest.approx(4.7)
    assert evaluated(GroupL2(2.0, GROUP), "value", x) == pytest.approx(2 * (5 + np.sqrt(5)))
    assert [float(evaluated(Box(-4.0, 3.0), "value", v)) for v in (x, 2 * x)] == [0.0, np.inf]
    assert [float(evaluated(Simplex(), "value", np.array(v))) for v in ((0.5, 0.5), (0.5, 0.6), (1.5, -0.5))] == [
        0.0,
        np.inf,
        np.inf,
    ]


def test_a_projection_lies_where_its_value_says_in_single_precision_too() -> None:
    v = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    p = np.asarray(_asked(Simplex(), "prox", v, 1.0))
    assert p.dtype == np.float32
    assert float(_asked(Simplex(), "value", p)) == 0.0


@pytest.mark.parametrize("method", [accord.FedSGD(), accord.NIDS()], ids=lambda method: type(method).__name__)
def test_groups_are_places_in_every_precision_of_a_run(method: Any) -> None:
    """min ½‖x − c‖² + ‖x₀,₁‖ + ‖x₂‖: the first group shrinks by 1 of its length 5, the second is dropped whole."""
    c = np.array([[3.0, 4.0, 0.5], [3.0, 4.0, 0.5]])
    plain = accord.problems.quadratic(np.ones((2, 3)), c)
    term = GroupL2(1.0, jnp.array([0, 0, 1]))
    problem = accord.Problem(plain.loss, plain.shards, regularizer=term, x0=np.zeros(3))
    network = accord.networks.complete(2) if isinstance(method, accord.NIDS) else None
    run = accord.run(problem, method, network=network)
    np.testing.assert_allclose(run.x, [2.4, 3.2, 0.0], atol=1e-6)
