"""What a run is judged by: a few windows of rounds, summed up, and the verdict that follows from them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.status import Ending, Status

GOING = 0
"""The verdict of a watch that has no reason to stop; every other is the number of a `Status`."""

WINDOWS = 4
"""Windows over which a run is judged: three estimates of what is left, each from two of them."""

ROUNDING = 8.0
"""Units in the last place within which numbers are the same."""

FAR = 1e3
"""How far beyond its start, in units of |F(x0)| and of the first window's change, an objective that grows has grown."""


class Limits(NamedTuple):
    """What a watch judges by."""

    progress: Array
    agreement: Array
    window: Array  # rounds
    absolute: Array  # whether the bounds are in the problem's own units
    prices: Array  # whether agents share a constraint
    floor: Array  # whether the run has a floor
    origin: Array  # ‖x0‖²


class Seen(NamedTuple):
    """The numbers of the last record; see `plan.Record`."""

    objective: Array
    disagreement: Array
    dual_value: Array
    moved: Array


class Window(NamedTuple):
    """Some rounds in a row."""

    low: Array  # the least objective of its records, both ends among them
    high: Array  # the largest
    last: Array  # the objective at its end
    apart: Array  # the disagreement at its end
    step: Array  # the mean square of what a round moved


class Watch(NamedTuple):
    """What the verdict needs of the records so far: part of a run's state, so a resumed run stops where it would.

    Windows are counted in rounds, follow one another, and are judged when they end, so that the verdict depends neither
    on how often a run records nor on its units.
    """

    limits: Limits
    seen: Seen
    open: Window  # the one that has begun
    closed: Window  # the last `WINDOWS` that ended, oldest first
    travel: Array  # Σ of the squares of what each round moved, since the last record
    since: Array  # how many rounds those are
    start: Array  # the objective at the start
    low: Array  # the least objective
    change: Array  # by how much the objective changed in the first window
    early: Array  # the furthest that agents were apart or had moved in the first window
    apart: Array  # the furthest that they were ever apart
    reach: Array  # the furthest that they were ever from x0
    stride: Array  # the largest step of any window
    rounds: Array  # at the last record; −1 before the first
    begun: Array  # the round at which the open window began
    count: Array  # windows that ended
    fresh: Array  # whether one has ended with the last record

    def went(self, square: Array, rounds: Array | int) -> Watch:
        """The watch after some rounds that moved the models, or the prices, by Σ over them of squares."""
        return self._replace(travel=self.travel + square, since=self.since + rounds)

    @property
    def residual(self) -> Array:
        """What a round moved, as a root mean square over those since the last record; NaN at the start."""
        since = self.since.astype(self.travel.dtype)
        return jnp.where(since > 0, jnp.sqrt(self.travel / jnp.maximum(since, 1)), jnp.nan)

    def see(self, seen: Seen, oldest: Array | int = 2**31 - 1) -> Watch:
        """The watch after one more record.

        - `oldest`: the round after which the agent that was not heard for longest was heard last, where nobody waits: a
          window lasts until all were heard in it.
        """
        first = self.rounds < 0
        rounds = jnp.where(first, 0, self.rounds + self.since)
        F, spread = seen.objective, seen.disagreement
        opened = Window(F, F, F, spread, jnp.zeros_like(F))
        grown = Window(jnp.fmin(self.open.low, F), jnp.fmax(self.open.high, F), F, spread, self.open.step + self.travel)
        grown = Window(*(jnp.where(first, new, old) for new, old in zip(opened, grown, strict=True)))
        length = rounds - self.begun
        ends = ~first & (length >= self.limits.window) & (jnp.asarray(oldest, jnp.int32) > self.begun)
        done = grown._replace(step=grown.step / jnp.maximum(length, 1).astype(F.dtype))
        closed = Window(*(jnp.where(ends, jnp.append(old[1:], new), old)
                          for old, new in zip(self.closed, done, strict=True)))  # fmt: skip
        young = self.count == 0
        reach = jnp.where(first, seen.moved, jnp.fmax(self.reach, seen.moved))
        apart = jnp.where(first, spread, jnp.fmax(self.apart, spread))
        return self._replace(
            seen=seen, closed=closed,
            open=Window(*(jnp.where(ends, new, old) for new, old in zip(opened, grown, strict=True))),
            travel=jnp.zeros_like(self.travel),
            since=jnp.zeros_like(self.since),
            start=jnp.where(first, F, self.start),
            low=jnp.where(first, F, jnp.fmin(self.low, F)),
            change=jnp.where(ends & young, jnp.abs(F - self.start), self.change),
            early=jnp.where(young, jnp.maximum(reach, apart), self.early),
            apart=apart, reach=reach,
            stride=jnp.where(ends, jnp.fmax(self.stride, done.step), self.stride),
            rounds=rounds,
            begun=jnp.where(ends, rounds, self.begun),
            count=self.count + ends.astype(jnp.int32),
            fresh=ends,
        )  # fmt: skip

    @property
    def _eps(self) -> Array:
        return jnp.asarray(ROUNDING * jnp.finfo(self.start.dtype).eps, self.start.dtype)

    @property
    def descended(self) -> Array:
        """How far the objective has come from its start."""
        return jnp.maximum(self.start - self.low, jnp.abs(self.seen.objective - self.start))

    @property
    def left(self) -> Array:
        """The decrease still to come relative to the decrease so far, the largest of three estimates.

        From what F moved in two windows in a row, d₂²/(d₁ − d₂); infinite where it moved no less in the second.
        In absolute terms: what F moved a round in the last window.
        """
        d = self.closed.high - self.closed.low
        left = _to_come(jnp.where(d <= self._eps * jnp.abs(self.seen.objective), 0, d))
        left = jnp.where(self.count >= WINDOWS, left, jnp.inf)
        relative = jnp.where(left > 0, left / self.descended, 0)
        relative = jnp.where(self._at_rest, 0, relative)
        moved = jnp.abs(self.closed.last[-2] - self.closed.last[-1]) / self.limits.window.astype(d.dtype)
        return jnp.where(self.limits.absolute, moved, relative)

    @property
    def _at_rest(self) -> Array:
        """Whether nothing moved in the last window, beyond rounding."""
        rounding = jnp.where(self.limits.prices, 0, self._eps**2 * (self.limits.origin + self.reach))
        change = self.closed.high[-1] - self.closed.low[-1]
        return (self.closed.step[-1] <= rounding) & (change <= self._eps * jnp.abs(self.seen.objective))

    @property
    def yardstick(self) -> Array:
        """By what the disagreement is measured."""
        return jnp.where(self.limits.prices, self.seen.moved, jnp.maximum(self.apart, self.reach))

    @property
    def _agree(self) -> Array:
        limits, spread = self.limits, self.seen.disagreement
        exchanged = self._eps * self.seen.moved
        squares = self._eps**2 * (limits.origin + self.reach)
        rounding = jnp.where(limits.prices, exchanged, squares)
        bound = limits.agreement * jnp.where(limits.absolute, 1, self.yardstick)
        return spread <= bound + rounding

    @property
    def _closed_gap(self) -> Array:
        """Whether the dual value, where it is known, is within √progress of the cost."""
        F, bound = self.seen.objective, self.seen.dual_value
        size = jnp.maximum(jnp.abs(F), jnp.abs(bound))
        return ~jnp.isfinite(bound) | (jnp.abs(F - bound) <= jnp.sqrt(self.limits.progress) * size)

    def verdict(self) -> Array:
        """Whether and why to stop after these records: `GOING`, or the number of a `Status`."""
        limits, closed = self.limits, self.closed
        active = (limits.progress > 0) & self.fresh
        step, at_rest = closed.step[-1], self._at_rest
        unmoved = at_rest & (jnp.maximum(self.apart, self.reach) <= 0) & ~limits.prices
        resting = (step <= limits.progress * self.stride) | limits.absolute
        still = self.left <= limits.progress
        arrived = self._agree & (at_rest | (still & resting & (self._closed_gap | limits.absolute)))
        spread = closed.apart
        stuck = (_to_come(jnp.abs(jnp.diff(spread))) <= 0.01 * spread[-1]) & (spread[-1] > 0)
        floor = jnp.where(limits.prices, Status.UNMET.number, Status.FLOOR.number)
        climbing = limits.prices & ~resting  # while decisions lean on bounds a price has a gap to cross

        verdict = jnp.where(active & still & stuck & limits.floor & ~climbing, floor, GOING)
        verdict = jnp.where(active & arrived, Status.CONVERGED.number, verdict)
        verdict = jnp.where(active & unmoved, Status.UNMOVED.number, verdict)
        verdict = jnp.where(self._parting, Status.DISAGREEMENT_GROWS.number, verdict)
        verdict = jnp.where(self._growing, Status.OBJECTIVE_GROWS.number, verdict)
        finite = jnp.isfinite(self.seen.objective) & jnp.isfinite(self.seen.disagreement)
        verdict = jnp.where(finite, verdict, Status.NOT_FINITE.number)
        impossible = jnp.isposinf(self.seen.dual_value)
        return jnp.where(impossible, Status.INFEASIBLE.number, verdict).astype(jnp.int32)

    @property
    def _growing(self) -> Array:
        """Whether the objective has grown through three windows, ever faster, far beyond where it began."""
        far = self.start + FAR * (jnp.abs(self.start) + self.change)
        apart = self.closed.apart
        costly = jnp.isfinite(self.seen.dual_value)  # the cost rises as demand is met, and the violation tells
        return self.fresh & _grows(self.closed.last, far) & (apart[-1] >= apart[0]) & ~costly

    @property
    def _parting(self) -> Array:
        """Whether the disagreement has grown likewise, a million times beyond what it was in the first window."""
        return self.fresh & _grows(self.closed.apart, 1e6 * self.early) & (self.early > 0)

    def ending(self, verdict: int, note: str = "") -> Ending:
        """Why the run stopped, with the numbers."""
        number = lambda value: float(np.asarray(value))  # noqa: E731
        with jax.enable_x64(self.start.dtype == np.float64):
            left, yardstick = map(float, _measures(self))
        apart = number(self.seen.disagreement)
        return Ending(
            next(status for status in Status if status.number == verdict), note=note,
            window=int(self.limits.window) * WINDOWS,
            objective=number(self.seen.objective), left=left, apart=apart,
            share=apart / yardstick if yardstick > 0 else 0.0,
            progress=number(self.limits.progress), agreement=number(self.limits.agreement),
            prices=bool(self.limits.prices), absolute=bool(self.limits.absolute),
        )  # fmt: skip


@jax.jit
def _measures(watch: Watch) -> tuple[Array, Array]:
    return watch.left, watch.yardstick


def _to_come(d: Array) -> Array:
    """How much a series still has to move that moved by so much from window to window, by the worst pair of them.

    Were it geometric, d₂ + d₂²/(d₁ − d₂)·… sums to d₂ d₂/(d₁ − d₂); infinite where it does not slow down.
    """
    older, newer = d[:-1], d[1:]
    drop = older - newer
    return jnp.max(jnp.where(newer <= 0, 0, jnp.where(drop > 0, newer**2 / jnp.where(drop > 0, drop, 1), jnp.inf)))


def _grows(series: Array, limit: Array) -> Array:
    """Whether it rose from window to window, no slower at the end than at the beginning, and beyond a limit.

    What approaches a plateau slows down, as the cost does when prices rise from nothing.
    """
    rises = jnp.diff(series)
    return jnp.all(rises > 0) & (rises[-1] >= rises[0]) & (series[-1] > limit)
