"""The record of a run that a verdict needs: a few windows of rounds, summed up."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

GOING = 0
"""The verdict of a watch that has no reason to stop; every other is the number of a `Status`."""

WINDOWS = 4
"""Windows over which a run is judged: three estimates of what is left, each from two of them."""


class Limits(NamedTuple):
    """The limits by which a run is judged."""

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


class Marks(NamedTuple):
    """The numbers that are kept of the whole run."""

    start: Array  # the objective at the start
    low: Array  # the least objective
    change: Array  # by how much the objective changed in the first window
    early: Array  # the furthest that agents were apart or had moved in the first window
    apart: Array  # the furthest that they were ever apart
    reach: Array  # the furthest that they were ever from x0
    stride: Array  # the largest step of any window


class Counts(NamedTuple):
    """The place of the monitor in the run."""

    rounds: Array  # at the last record; −1 before the first
    begun: Array  # the round at which the open window began
    windows: Array  # those that ended


class StopMonitor(NamedTuple):
    """The part of the records so far that the verdict needs: in a run's state, so that a resumed run stops alike.

    Windows are counted in rounds, follow one another, and are judged when they end, so that the verdict depends neither
    on how often a run records nor on its units. Numbers of a kind share an array, because every array is a kernel of
    its own to compile and to call, in every program.
    """

    limits: Limits
    seen: Seen
    windows: Array  # (WINDOWS + 1, 5), each a `Window`: the last that ended, oldest first, and the one that has begun
    marks: Array  # (7,), a `Marks`
    counts: Array  # (3,), a `Counts`
    travel: Array  # Σ of the squares of what each round moved, since the last record
    since: Array  # how many rounds those are
    fresh: Array  # whether a window has ended with the last record

    def went(self, square: Array, rounds: Array | int) -> StopMonitor:
        """The watch after some rounds that moved the models, or the prices, by Σ over them of squares."""
        return self._replace(travel=self.travel + square, since=self.since + rounds)

    @property
    def residual(self) -> Array:
        """The length of a round's step, as a root mean square over those since the last record; NaN at the start."""
        since = self.since.astype(self.travel.dtype)
        return jnp.where(since > 0, jnp.sqrt(self.travel / jnp.maximum(since, 1)), jnp.nan)

    def update(self, seen: Seen, oldest: Array | int = 2**31 - 1) -> StopMonitor:
        """The watch after one more record.

        - `oldest`: the round after which the agent with the oldest last reply was received, in asynchronous runs: a
          window lasts until all were received in it.
        """
        marks, counts, grown = Marks(*self.marks), Counts(*self.counts), Window(*self.windows[-1])
        F, spread, moved = seen.objective, seen.disagreement, seen.moved
        first = counts.rounds < 0
        rounds = jnp.where(first, 0, counts.rounds + self.since)
        opened = jnp.stack(Window(F, F, F, spread, jnp.zeros_like(F)))
        grown = Window(jnp.fmin(grown.low, F), jnp.fmax(grown.high, F), F, spread, grown.step + self.travel)
        length = rounds - counts.begun
        ends = ~first & (length >= self.limits.window) & (jnp.asarray(oldest, jnp.int32) > counts.begun)
        done = grown._replace(step=grown.step / jnp.maximum(length, 1).astype(F.dtype))
        grown = jnp.where(first, opened, jnp.stack(grown))
        shifted = jnp.concatenate([self.windows[1:-1], jnp.stack([jnp.stack(done), opened])])
        marks = Marks(
            start=jnp.where(first, F, marks.start),
            low=jnp.where(first, F, jnp.fmin(marks.low, F)),
            change=jnp.where(ends & (counts.windows == 0), jnp.abs(F - marks.start), marks.change),
            early=marks.early,
            apart=jnp.where(first, spread, jnp.fmax(marks.apart, spread)),
            reach=jnp.where(first, moved, jnp.fmax(marks.reach, moved)),
            stride=jnp.where(ends, jnp.fmax(marks.stride, done.step), marks.stride),
        )
        early = jnp.where(counts.windows == 0, jnp.maximum(marks.reach, marks.apart), marks.early)
        begun, ended = jnp.where(ends, rounds, counts.begun), counts.windows + ends.astype(jnp.int32)
        return self._replace(
            seen=seen,
            windows=jnp.where(ends, shifted, jnp.concatenate([self.windows[:-1], grown[None]])),
            marks=jnp.stack(marks._replace(early=early)),
            counts=jnp.stack(Counts(rounds, begun, ended)),
            travel=jnp.zeros_like(self.travel),
            since=jnp.zeros_like(self.since),
            fresh=ends,
        )
