"""The verdict on a run: whether and why it stops, from what its watch has seen."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.status import Ending, Status
from accord.core.stop_monitor import GOING, WINDOWS, Limits, Marks, Seen, StopMonitor, Window

ROUNDING = 8.0
"""Units in the last place within which numbers are the same."""

FAR = 1e3
"""Growth beyond the start from which an objective diverges, in units of |F(x0)| and of the first window's change."""


class Evidence(NamedTuple):
    """The measures that a verdict weighs."""

    limits: Limits
    seen: Seen
    closed: Window  # the last `WINDOWS` windows that ended, oldest first
    marks: Marks
    count: Array  # windows that ended
    fresh: Array  # whether one has ended with the last record

    @classmethod
    def of(cls, watch: StopMonitor) -> Evidence:
        """The measures of a watch."""
        closed, marks = Window(*watch.windows[:-1].T), Marks(*watch.marks)
        return cls(watch.limits, watch.seen, closed, marks, watch.counts[-1], watch.fresh)

    @property
    def _eps(self) -> Array:
        return jnp.asarray(ROUNDING * jnp.finfo(self.marks.start.dtype).eps, self.marks.start.dtype)

    @property
    def descended(self) -> Array:
        """The distance of the objective from its start."""
        return jnp.maximum(self.marks.start - self.marks.low, jnp.abs(self.seen.objective - self.marks.start))

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
        """True where nothing moved in the last window, beyond rounding."""
        rounding = jnp.where(self.limits.prices, 0, self._eps**2 * (self.limits.origin + self.marks.reach))
        change = self.closed.high[-1] - self.closed.low[-1]
        return (self.closed.step[-1] <= rounding) & (change <= self._eps * jnp.abs(self.seen.objective))

    @property
    def yardstick(self) -> Array:
        """The unit in which the disagreement is measured."""
        return jnp.where(self.limits.prices, self.seen.moved, jnp.maximum(self.marks.apart, self.marks.reach))

    @property
    def _agree(self) -> Array:
        limits, spread = self.limits, self.seen.disagreement
        exchanged = self._eps * self.seen.moved
        squares = self._eps**2 * (limits.origin + self.marks.reach)
        rounding = jnp.where(limits.prices, exchanged, squares)
        bound = limits.agreement * jnp.where(limits.absolute, 1, self.yardstick)
        return spread <= bound + rounding

    @property
    def _closed_gap(self) -> Array:
        """True where the dual value, where it is known, is within √progress of the cost."""
        F, bound = self.seen.objective, self.seen.dual_value
        size = jnp.maximum(jnp.abs(F), jnp.abs(bound))
        return ~jnp.isfinite(bound) | (jnp.abs(F - bound) <= jnp.sqrt(self.limits.progress) * size)

    @property
    def verdict(self) -> Array:
        """The verdict to stop and its reason: `GOING`, or the number of a `Status`."""
        limits, closed = self.limits, self.closed
        active = (limits.progress > 0) & self.fresh
        step, at_rest = closed.step[-1], self._at_rest
        unmoved = at_rest & (jnp.maximum(self.marks.apart, self.marks.reach) <= 0) & ~limits.prices
        resting = (step <= limits.progress * self.marks.stride) | limits.absolute
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
        """True where the objective has grown through three windows, ever faster, far beyond where it began.

        Where it swings, as under gradients that are late, the moves of the rounds tell, which are averages.
        """
        far = self.marks.start + FAR * (jnp.abs(self.marks.start) + self.marks.change)
        last, apart, step = self.closed.last, self.closed.apart, self.closed.step
        faster = _grows(last, far) | (_grows(step, jnp.zeros_like(far)) & (last[-1] > far))
        costly = jnp.isfinite(self.seen.dual_value)  # the cost rises as demand is met, and the violation is the measure
        return self.fresh & faster & (apart[-1] >= apart[0]) & ~costly

    @property
    def _parting(self) -> Array:
        """True where the disagreement has grown likewise, a million times beyond what it was in the first window."""
        return self.fresh & _grows(self.closed.apart, 1e6 * self.marks.early) & (self.marks.early > 0)


def verdict(watch: StopMonitor) -> Array:
    """Decide whether and why to stop after these records: `GOING`, or the number of a `Status`."""
    return Evidence.of(watch).verdict


def ending(watch: StopMonitor, verdict: int) -> Ending:
    """Return why the run stopped, with the numbers."""
    number = lambda value: float(np.asarray(value))  # noqa: E731
    limits, seen = watch.limits, watch.seen
    with jax.enable_x64(watch.marks.dtype == np.float64):
        left, yardstick = map(float, _measures(watch))
    apart = number(seen.disagreement)
    return Ending(
        next(status for status in Status if status.number == verdict),
        window=int(limits.window) * WINDOWS,
        objective=number(seen.objective),
        left=left,
        apart=apart,
        share=apart / yardstick if yardstick > 0 else 0.0,
        progress=number(limits.progress),
        agreement=number(limits.agreement),
        prices=bool(limits.prices),
        absolute=bool(limits.absolute),
    )


@jax.jit
def _measures(watch: StopMonitor) -> tuple[Array, Array]:
    evidence = Evidence.of(watch)
    return evidence.left, evidence.yardstick


def _to_come(d: Array) -> Array:
    """Estimate how much a series still has to move, from its change in each window, by the worst pair of them.

    Were it geometric, d₂ + d₂²/(d₁ − d₂)·… sums to d₂ d₂/(d₁ − d₂); infinite where it does not slow down.
    """
    older, newer = d[:-1], d[1:]
    drop = older - newer
    left = jnp.where(newer <= 0, 0, jnp.where(drop > 0, newer**2 / jnp.where(drop > 0, drop, 1), jnp.inf))
    return reduce(jnp.maximum, left)


def _grows(series: Array, limit: Array) -> Array:
    """Return True where a series rose in every window, no slower at the end than at the beginning, beyond a limit.

    What approaches a plateau slows down, as the cost does when prices rise from nothing.
    """
    rises = jnp.diff(series)
    return reduce(jnp.logical_and, rises > 0) & (rises[-1] >= rises[0]) & (series[-1] > limit)
