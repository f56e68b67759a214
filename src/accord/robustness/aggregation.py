"""The aggregation of the replies of a cohort to one reply.

"mean" (Σ p_k r_k over all; of a cohort drawn by weight Σ (p_k/π_k) r_k, π_k the chance to be drawn, which is the same
in the mean; of one in which all are as likely Σ p_k r_k / Σ p_k) and "sum" (Σ p_k r_k over who answered, for a coupled
problem the plain sum) fold one reply after another; a method may ask for one of them a field. A rule, any callable
(replies, share) -> reply, sees the stack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import MethodError


class Shares(NamedTuple):
    """The weight of a reply: (cohort,), or one agent's."""

    mean: Array
    sum: Array


def shares(p: Array, cohort: Array, counts: Array | None = None) -> Shares:
    """The shares of a cohort's agents; none where all weights are zero. `counts`: p_k/π_k of a weighted draw."""
    if counts is not None:
        return Shares(jnp.asarray(counts)[cohort], p[cohort])
    total = jnp.sum(p[cohort])
    return Shares(p[cohort] / jnp.where(total > 0, total, 1), p[cohort])


def weighed(rule: Any, share: Shares, reply: Any) -> Any:
    """Weigh one reply by its share, by the rule of each field."""
    if isinstance(rule, str):
        return jax.tree.map(lambda leaf: getattr(share, rule) * _heeded(share, leaf), reply)
    return type(reply)(*(weighed(field_rule, share, field) for field_rule, field in zip(rule, reply, strict=True)))


def combined(rule: Any, share: Shares, replies: Any) -> Any:
    """A stack of replies times their shares, summed, by the rule of each field."""
    if isinstance(rule, str):
        return jax.tree.map(lambda leaf: jnp.tensordot(getattr(share, rule), _heeded(share, leaf), 1), replies)
    return type(replies)(*(combined(one, share, field) for one, field in zip(rule, replies, strict=True)))


def _heeded(share: Shares, leaf: Array) -> Array:
    """Replace replies of weight zero by zeros, even if they are infinite or NaN."""
    weight = jnp.reshape(share.sum, jnp.shape(share.sum) + (1,) * (leaf.ndim - jnp.ndim(share.sum)))
    return jnp.where(weight > 0, leaf, 0)


class Rule(Protocol):
    """A function from a stack of replies to one; hashable. Every reply counts once, whatever its claimed share."""

    def check(self, cohort: int) -> None:
        """Raise `MethodError` where so many replies cannot outvote the bad ones."""
        ...

    def over(self, rows: Array) -> Array:
        """Aggregate (cohort, numbers) to (numbers,)."""
        ...

    def __call__(self, replies: Any, share: Array) -> Any: ...


@dataclass(frozen=True)
class CohortMean:
    """Σ p_k r_k / Σ p_k over a cohort in which every client is as likely (McMahan et al. 2017): what is often run.

    Where weights differ it is biased: it goes to the optimum of Σ q_k f_k with q_k the mean of p_k/Σ p_j over the
    cohorts, 1/K where one client is asked a round, and p_k only where all are. The default is unbiased.

    >>> CohortMean()(jnp.array([0.0, 8.0]), jnp.array([0.75, 0.25])).tolist()
    2.0
    """

    exact: ClassVar = (
        "the optimum under other weights, the mean of p_k/Σ p_j over cohorts, which lie between 1/K and p_k"
    )

    def __call__(self, replies: Any, share: Array) -> Any:
        return jax.tree.map(lambda leaf: jnp.tensordot(share, jnp.asarray(leaf), 1), replies)


def _apply(rule: Any, replies: Any) -> Any:
    """The rule over whole replies, each of them one row of numbers."""
    leaves, tree = jax.tree.flatten(replies)
    combined = rule.over(jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], 1))
    ends = np.cumsum([math.prod(leaf.shape[1:]) for leaf in leaves])[:-1]
    parts = jnp.split(combined, ends)
    return jax.tree.unflatten(tree, [part.reshape(leaf.shape[1:]) for part, leaf in zip(parts, leaves, strict=True)])


def _limit(rule: str, f: int, cohort: int, needed: int) -> None:
    if f < 0 or cohort < needed:
        raise MethodError(
            f"{rule} bears f={f} bad agents among at least {needed} replies, but the cohort "
            f"has {cohort}. Give a smaller f, not below 0, or ask more agents a round."
        )


def _distances(rows: Array) -> Array:
    """(n, n) squared distances; infinite to what is not finite."""
    apart = jnp.sum((rows[:, None] - rows[None]) ** 2, -1) if len(rows) <= 32 else _by_products(rows)
    return jnp.where(jnp.isfinite(apart), apart, jnp.inf)


def _by_products(rows: Array) -> Array:
    squares = jnp.sum(rows * rows, 1)
    return jnp.maximum(squares[:, None] + squares[None] - 2 * rows @ rows.T, 0)


def _finite(rows: Array, otherwise: Array) -> Array:
    """The rows, those with a number that is not finite replaced."""
    return jnp.where(jnp.isfinite(rows).all(1, keepdims=True), rows, otherwise)


@dataclass(frozen=True)
class Median:
    """The median of every number by itself: bears any minority, n > 2f (Yin et al. 2018).

    >>> Median().over(jnp.array([[1.0], [2.0], [jnp.nan]])).tolist()
    [2.0]
    """

    f: int = 0

    def check(self, cohort: int) -> None:
        _limit("Median", self.f, cohort, 2 * self.f + 1)

    def over(self, rows: Array) -> Array:
        n, ordered = len(rows), jnp.sort(jnp.where(jnp.isfinite(rows), rows, jnp.inf), 0)
        return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])

    def __call__(self, replies: Any, share: Array) -> Any:
        return _apply(self, replies)


@dataclass(frozen=True)
class TrimmedMean:
    """The mean of every number by itself without the f largest and the f smallest: n > 2f (Yin et al. 2018).

    >>> TrimmedMean(1).over(jnp.array([[0.0], [1.0], [3.0], [1e9]])).tolist()
    [2.0]
    """

    f: int

    def check(self, cohort: int) -> None:
        _limit("TrimmedMean", self.f, cohort, 2 * self.f + 1)

    def over(self, rows: Array) -> Array:
        ordered = jnp.sort(jnp.where(jnp.isnan(rows), jnp.inf, rows), 0)
        return jnp.mean(ordered[self.f : len(rows) - self.f], 0)

    def __call__(self, replies: Any, share: Array) -> Any:
        return _apply(self, replies)


@dataclass(frozen=True)
class GeometricMedian:
    """argmin_z Σ_k ‖z − r_k‖ by Weiszfeld's iteration: bears any minority, n > 2f (Pillutla et al. 2022).

    On a reply itself the iteration would stop; it goes on from there as Vardi and Zhang 2000 do.

    - `iterations`: from the median of every number; each is a mean weighted by 1/distance.

    >>> GeometricMedian().over(jnp.array([[0.0, 0.0], [0.0, 0.0], [9.0, 9.0]])).round(3).tolist()
    [0.0, 0.0]
    """

    f: int = 0
    iterations: int = 32

    def check(self, cohort: int) -> None:
        _limit("GeometricMedian", self.f, cohort, 2 * self.f + 1)

    def over(self, rows: Array) -> Array:
        z = Median().over(rows)
        kept = jnp.isfinite(rows).all(1).astype(rows.dtype)
        rows = _finite(rows, z)
        least = 1e-6 * (1e-30 + jnp.median(jnp.linalg.norm(rows - z, axis=1)))

        def iterate(_: Any, z: Array) -> Array:
            apart = jnp.linalg.norm(rows - z, axis=1)
            away = apart > least
            weight = jnp.where(away, kept / jnp.where(away, apart, 1), 0)
            pull = weight @ (rows - z)
            strength, here = jnp.linalg.norm(pull), jnp.sum(jnp.where(away, 0, kept))
            leaves = jnp.maximum(1 - here / jnp.where(strength > 0, strength, 1), 0)
            return z + leaves * pull / jnp.maximum(jnp.sum(weight), 1e-30)

        return jax.lax.fori_loop(0, self.iterations, iterate, z)

    def __call__(self, replies: Any, share: Array) -> Any:
        return _apply(self, replies)


@dataclass(frozen=True)
class MultiKrum:
    """The mean of the m replies nearest to their n−f−2 nearest: n > 2f+2 (Blanchard et al. 2017). Krum has m = 1.

    - `f`: bad agents borne. `m`: replies kept, n−f unless given.

    >>> MultiKrum(1).over(jnp.array([[0.0], [1.0], [2.0], [3.0], [1e9]])).tolist()
    [1.5]
    """

    f: int
    m: int | None = None

    def check(self, cohort: int) -> None:
        _limit("MultiKrum" if self.m != 1 else "Krum", self.f, cohort, 2 * self.f + 3)
        if self.m is not None and not 1 <= self.m <= cohort - self.f:
            raise MethodError(
                f"MultiKrum keeps m={self.m} of {cohort} replies, f={self.f} of them bad. "
                f"Give m from 1 to {cohort - self.f}."
            )

    def over(self, rows: Array) -> Array:
        n = len(rows)
        near = jnp.sort(_distances(rows), 1)[:, 1 : n - self.f - 1]  # without the reply itself
        score = jnp.where(jnp.isfinite(rows).all(1), jnp.sum(near, 1), jnp.inf)
        best = jnp.argsort(score)[: self.m or n - self.f]
        return jnp.mean(rows[best], 0)

    def __call__(self, replies: Any, share: Array) -> Any:
        return _apply(self, replies)


@dataclass(frozen=True)
class CenteredClipping:
    """v ← v + mean_k (r_k − v) min(1, τ/‖r_k − v‖), from the median of every number: n > 2f (Karimireddy et al. 2021).

    - `radius`: τ; the median distance from v unless given. `iterations`: how often.

    >>> CenteredClipping(1, radius=1.0, iterations=1).over(jnp.array([[0.0], [0.0], [9.0]])).round(3).tolist()
    [0.333]
    """

    f: int = 0
    radius: float | None = None
    iterations: int = 3

    def check(self, cohort: int) -> None:
        _limit("CenteredClipping", self.f, cohort, 2 * self.f + 1)
        if self.radius is not None and not self.radius > 0:
            raise MethodError(f"CenteredClipping has radius={self.radius}. Give a positive number, or leave it out.")

    def over(self, rows: Array) -> Array:
        v = Median().over(rows)
        rows = _finite(rows, v)
        for _ in range(self.iterations):
            apart = jnp.linalg.norm(rows - v, axis=1)
            radius = jnp.median(apart) if self.radius is None else self.radius
            v = v + jnp.mean((rows - v) * jnp.minimum(1, radius / jnp.where(apart > 0, apart, 1))[:, None], 0)
        return v

    def __call__(self, replies: Any, share: Array) -> Any:
        return _apply(self, replies)


@dataclass(frozen=True)
class NearestNeighbourMixing:
    """Each reply becomes the mean of its n−f nearest, itself among them, before another rule: n > 2f.

    What differs between honest agents is averaged out, which a bad one could hide behind (Allouah et al. 2023).

    >>> NearestNeighbourMixing(1, Median()).over(jnp.array([[0.0], [1.0], [2.0], [1e9]])).tolist()
    [1.0]
    """

    f: int
    then: Rule

    def check(self, cohort: int) -> None:
        _limit("NearestNeighbourMixing", self.f, cohort, 2 * self.f + 1)
        self.then.check(cohort)

    def over(self, rows: Array) -> Array:
        nearest = jnp.argsort(_distances(rows), 1)[:, : len(rows) - self.f]
        return self.then.over(jnp.mean(rows[nearest], 1))

    def __call__(self, replies: Any, share: Array) -> Any:
        return _apply(self, replies)


def krum(f: int) -> MultiKrum:
    """The one reply nearest to its n−f−2 nearest: n > 2f+2 (Blanchard et al. 2017).

    >>> krum(1).over(jnp.array([[0.0], [1.0], [1.1], [3.0], [1e9]])).round(3).tolist()
    [1.0]
    """
    return MultiKrum(f, 1)
