"""Sufficient statistics of least squares: all that f says of many rows, in d(d+1)/2 + d + 1 numbers.

About a centre c, with e = x − c,

    f(x) = v + gᵀe + ½ eᵀHe,   ∇f(x) = g + He,   H = AᵀA/n + l2 D,

where v = f(c) and g = ∇f(c) are summed over the rows themselves. About the agent's own minimum g vanishes up to
rounding and all terms of f are positive, so that no digit cancels; about 0 they would, by ‖b‖² over the residuals'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

ROWS = 2
"""Rows for a decision from which statistics are worth it: a product with H is d², two with A are 2nd."""

WIDE = 512
"""Decisions up to which they are formed: beyond, nd² operations are those of many rounds."""

CURVED = 1e4
"""The most that H is more curved one way than another: ½ eᵀHe loses as many digits to rounding, and F keeps twelve."""


class Statistics(NamedTuple):
    """The statistics that an agent answers from in place of rows; of all agents with a leading axis of K."""

    H: Any  # (d, d)
    g: Any  # (d,) ∇f at the centre
    v: Any  # f at the centre
    centre: Any  # (d,)

    def value(self, x: Array) -> Array:
        """f(x)."""
        e = x - self.centre
        return self.v + self.g @ e + 0.5 * jnp.vdot(e, self.H @ e)

    def grad(self, x: Array) -> Array:
        """∇f(x)."""
        return self.g + self.H @ (x - self.centre)

    @property
    def quadratic(self) -> tuple[Array, Array]:
        """(H, q) of f = ½xᵀHx + qᵀx + constant."""
        return self.H, self.g - self.H @ self.centre


def statistics_of(loss: Any, shards: Sequence[Any], sizes: np.ndarray) -> Statistics | None:
    """Those of all agents, where the loss has such, rows are many and no digit of F is lost; else None.

    One rule for a problem, whoever computes: where one agent needs its rows, all answer from rows.

    - `shards`: (A, b) of each agent; `sizes`: (K,), how many rows each has.

    >>> from accord.problems.objectives import LeastSquares
    >>> A = np.array([[1.0], [2.0], [3.0]])
    >>> found = statistics_of(LeastSquares(), [(A, A @ np.array([5.0]))], np.array([3]))
    >>> found.centre.tolist(), found.H.round(6).tolist()
    ([[5.0]], [[[4.666667]]])
    """
    if not hasattr(loss, "moments"):
        return None
    d = shards[0][0].shape[1]
    if d > WIDE or sizes.sum() < ROWS * d * len(sizes) or sizes.min() < d:
        return None
    H, q = map(np.stack, zip(*map(loss.moments, shards), strict=True))
    spectrum = np.linalg.eigvalsh(H)
    if (spectrum[:, 0] * CURVED < spectrum[:, -1]).any():
        return None
    centre = np.linalg.solve(H, -q[..., None])[..., 0]
    v, g = map(np.stack, zip(*map(loss.at, centre, shards), strict=True))
    return Statistics(H, g, v, centre)
