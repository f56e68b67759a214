"""The common parts of second-order methods: the upper triangle of a Hessian, its direction, and the step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

ARMIJO = 1e-4
"""The part of the promised decrease that has to come true."""


def packed(H: Array) -> Array:
    """(d(d+1)/2,) the upper triangle of a symmetric matrix, row by row: no number is sent twice.

    >>> packed(jnp.array([[1.0, 2.0], [2.0, 3.0]])).tolist()
    [1.0, 2.0, 3.0]
    """
    return H[np.triu_indices(len(H))]


def unpacked(triangle: Array, d: int) -> Array:
    """(d, d) the symmetric matrix whose upper triangle this is.

    >>> unpacked(jnp.array([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    rows, columns = np.triu_indices(d)
    upper = jnp.zeros((d, d), triangle.dtype).at[rows, columns].set(triangle)
    return upper + jnp.triu(upper, 1).T


def direction(H: Array, g: Array) -> Array:
    """−(H + λI)⁻¹ g by Cholesky, λ = 0 where H is positive definite to rounding; else doubled until H + λI is.

    Source: Levenberg 1944, A method for the solution of certain non-linear problems in least squares.

    >>> direction(jnp.diag(jnp.array([2.0, 4.0])), jnp.array([2.0, 4.0])).tolist()
    [-1.0, -1.0]
    """
    one, eps = jnp.eye(len(g), dtype=g.dtype), jnp.finfo(g.dtype).eps
    size = jnp.max(jnp.sum(jnp.abs(H), 1))  # no less than the largest eigenvalue
    least = jnp.where(size > 0, jnp.sqrt(eps) * size, 1)

    def factor(damping: Array) -> tuple[Array, Array]:
        lower = jnp.linalg.cholesky(H + damping * one)
        pivots = jnp.square(jnp.diagonal(lower))
        return lower, jnp.isfinite(pivots).all() & (jnp.min(pivots) > len(g) * eps * jnp.max(pivots))

    def more(at: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        count, damping, *_ = at
        damping = jnp.where(count > 0, 2 * damping, least)
        return count + 1, damping, *factor(damping)

    zero = jnp.zeros((), jnp.int32)
    stuck = lambda at: ~at[3] & (at[0] < 64)  # noqa: E731  # 64 doublings: what is left then is no number
    *_, lower, _ = jax.lax.while_loop(stuck, more, (zero, jnp.zeros((), g.dtype), *factor(jnp.zeros((), g.dtype))))
    return -jax.scipy.linalg.cho_solve((lower, True), g)


def falls(f: Array, slope: Array, f0: Array, slope0: Array, s: Any) -> Array:
    """Return True where a step s from a point with value f0 and slope0 < 0 to one with f and slope is short enough.

    f ≤ f0 + c s slope0 (Armijo 1966); where f is f0 to rounding and cannot decide, slope ≤ (1−2c) |slope0|, which for a
    quadratic is the same (Hager, Zhang 2005).
    """
    rounding = 16 * jnp.finfo(jnp.asarray(f).dtype).eps * jnp.abs(f0)
    flat = slope <= (1 - 2 * ARMIJO) * jnp.abs(slope0)
    return jnp.where(jnp.abs(f - f0) <= rounding, flat, f <= f0 + ARMIJO * s * slope0)


def conjugate_gradients(times: Any, g: Array, iterations: int) -> Array:
    """d with H d ≈ g, `times(v)` = H v, from 0 until ‖H d − g‖ ≤ 1e-10 ‖g‖, and no further where H does not curve up.

    Source: Hestenes, Stiefel 1952, Methods of conjugate gradients for solving linear systems.
    """
    start = jnp.zeros((), jnp.int32), jnp.zeros_like(g), g, g, jnp.vdot(g, g), jnp.ones((), bool)
    enough = 1e-20 * start[4]

    def iterate(at: tuple[Array, ...]) -> tuple[Array, ...]:
        i, d, r, p, rr, _ = at
        Hp = times(p)
        curved = jnp.vdot(p, Hp)
        goes = curved > jnp.finfo(g.dtype).eps * jnp.linalg.norm(p) * jnp.linalg.norm(Hp)
        a = jnp.where(goes, rr / jnp.where(goes, curved, 1), 0)
        r = r - a * Hp
        after = jnp.vdot(r, r)
        return i + 1, d + a * p, r, r + after / jnp.where(rr > 0, rr, 1) * p, after, goes

    go_on = lambda at: (at[0] < iterations) & (at[4] > enough) & at[5]  # noqa: E731
    return jax.lax.while_loop(go_on, iterate, start)[1]
