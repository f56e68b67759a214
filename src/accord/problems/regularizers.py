"""Terms that have no gradient but a proximal operator: prox_{t r}(v) = argmin_x r(x) + ‖x−v‖²/(2t)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.pytrees import pytree

HALVINGS = 40  # of an interval of prices: to a millionth of a millionth
BENT = 1e-9  # how much, relative to what it costs to cross its bounds, a cost that is flat is bent to have one answer


@pytree
@dataclass(frozen=True)
class L1:
    """Σ l1·|x|: makes the decision sparse.

    - `l1`: a number, or one a coordinate: 0 leaves a coordinate, such as an intercept, as it is.

    >>> L1(1.0).prox(jnp.array([3.0, -0.5]), 1.0).tolist()
    [2.0, 0.0]
    """

    l1: Any

    def value(self, x: Array) -> Array:
        return jnp.sum(self.l1 * jnp.abs(x))

    def prox(self, v: Array, step: Array | float) -> Array:
        return jnp.sign(v) * jnp.maximum(jnp.abs(v) - step * self.l1, 0)


@pytree
@dataclass(frozen=True)
class Box:
    """lower ≤ x ≤ upper, in every coordinate.

    >>> Box(0.0, 1.0).prox(jnp.array([3.0, -0.5]), 1.0).tolist()
    [1.0, 0.0]
    """

    lower: Any
    upper: Any

    def value(self, x: Array) -> Array:
        return jnp.where(jnp.all((x >= self.lower) & (x <= self.upper)), 0.0, jnp.inf).astype(x.dtype)

    def prox(self, v: Array, step: Array | float) -> Array:
        return jnp.clip(v, self.lower, self.upper)

    def cheapest(self, slope: Array, curved: Array) -> Array:
        """argmin Σ curved/2 x² + slope x; where nothing curves, at the bound."""
        straight = jnp.where(slope == 0, 0, -jnp.sign(slope) * jnp.inf)
        return self.prox(jnp.where(curved > 0, -slope / jnp.where(curved > 0, curved, 1), straight), 1.0)


@pytree
@dataclass(frozen=True)
class Budget:
    """lower ≤ x ≤ upper and Σx = total: a battery to be filled, within a power and a time.

    >>> Budget(jnp.zeros(3), jnp.array([1.0, 1.0, 0.0]), 1.5).prox(jnp.array([3.0, 0.25, 5.0]), 1.0).tolist()
    [1.0, 0.5, 0.0]
    """

    lower: Any
    upper: Any
    total: Any

    def value(self, x: Array) -> Array:
        rounding = 1e3 * jnp.finfo(x.dtype).eps * jnp.sum(jnp.abs(x))
        inside = jnp.all((x >= self.lower) & (x <= self.upper)) & (jnp.abs(jnp.sum(x) - self.total) <= rounding)
        return jnp.where(inside, 0.0, jnp.inf).astype(x.dtype)

    def prox(self, v: Array, step: Array | float) -> Array:
        return self.cheapest(-v, jnp.ones_like(v))

    def cheapest(self, slope: Array, curved: Array) -> Array:
        """argmin Σ curved/2 x² + slope x: x = clip(−(slope + ν)/curved), with ν such that Σx = total.

        ν is halved in on, and between the last two the decisions are straight lines, so that the total is met. Where
        nothing curves, the cheapest are filled first, and equally cheap ones alike.
        """
        wide = jnp.max(self.upper - self.lower)
        least = BENT * (jnp.max(slope) - jnp.min(slope)) / jnp.where(wide > 0, wide, 1)
        least = jnp.where(least > 0, least, jnp.where(jnp.max(curved) > 0, 0, 1))
        curved = jnp.where(curved > 0, curved, jnp.where(least > 0, least, jnp.max(curved)))
        wish, give = -slope / curved, 1 / curved  # x = clip(wish − ν·give): no division in the loop
        ends = (wish - self.upper) * curved, (wish - self.lower) * curved

        def halve(_: int, span: tuple[Array, Array]) -> tuple[Array, Array]:
            middle = (span[0] + span[1]) / 2
            over = jnp.sum(jnp.clip(wish - middle * give, self.lower, self.upper)) > self.total
            return jnp.where(over, middle, span[0]), jnp.where(over, span[1], middle)

        low, high = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.min(ends[0]), jnp.max(ends[1])))
        more, less = (jnp.clip(wish - nu * give, self.lower, self.upper) for nu in (low, high))
        between = jnp.sum(more - less)
        part = jnp.where(between > 0, (self.total - jnp.sum(less)) / jnp.where(between > 0, between, 1), 0)
        return less + jnp.clip(part, 0, 1) * (more - less)


@pytree
@dataclass(frozen=True)
class Simplex:
    """x ≥ 0 and Σx = total: shares of a whole (projection: Held, Wolfe, Crowder 1974).

    >>> Simplex().prox(jnp.array([2.0, 0.0]), 1.0).tolist()
    [1.0, 0.0]
    """

    total: float = 1.0

    def value(self, x: Array) -> Array:
        tolerance = 1e3 * jnp.finfo(x.dtype).eps * x.size  # a projection meets the sum only to rounding
        inside = jnp.all(x >= 0) & (jnp.abs(jnp.sum(x) - self.total) <= tolerance * self.total)
        return jnp.where(inside, 0.0, jnp.inf).astype(x.dtype)

    def prox(self, v: Array, step: Array | float) -> Array:
        u = jnp.sort(v)[::-1]
        excess = (jnp.cumsum(u) - self.total) / jnp.arange(1, v.size + 1, dtype=v.dtype)
        return jnp.maximum(v - excess[jnp.sum(u > excess) - 1], 0)


@pytree
@dataclass(frozen=True)
class GroupL2:
    """weight·Σ_g ‖x_g‖₂ over groups of coordinates: keeps or drops a group whole (Yuan, Lin 2006).

    >>> GroupL2(1.0, jnp.array([0, 0])).prox(jnp.array([3.0, 4.0]), 1.0).round(6).tolist()
    [2.4, 3.2]
    """

    weight: float
    group: Array  # the group of every coordinate, 0, 1, 2, ...

    def _own(self) -> Array:
        """Return the groups as places, whatever the precision that a run has given the numbers of its terms."""
        return jnp.asarray(self.group).astype(jnp.int32)

    def _norms(self, x: Array) -> Array:
        return jnp.sqrt(jnp.zeros_like(x).at[self._own()].add(x * x))  # at most as many groups as coordinates

    def value(self, x: Array) -> Array:
        return self.weight * jnp.sum(self._norms(x))

    def prox(self, v: Array, step: Array | float) -> Array:
        norms = self._norms(v)
        shrunk = jnp.maximum(norms - step * self.weight, 0) / jnp.where(norms > 0, norms, 1)
        return v * shrunk[self._own()]
