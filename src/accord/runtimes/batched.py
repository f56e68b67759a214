"""Runs of one problem that differ in the numbers of their method only, in one compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from accord.core.compilation import jit_by_loss
from accord.core.devices import use_all_cpu_devices
from accord.core.stop_monitor import GOING, StopMonitor
from accord.engine.planning.plan import Plan
from accord.engine.session import Outcome, Record
from accord.runtimes.vectorised import beginning, block, team_of

RUNS = "runs"
"""The mesh axis over which runs are divided."""


class BatchedSession:
    """Several runs at work together; those that have stopped stand still while the others go on.

    On each device `vmap` over its runs, which turns the products of many runs into one; one run after another where a
    loss convolves, which `vmap` would slow down. Devices send each other nothing.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        use_all_cpu_devices()
        first, count = plans[0], len(plans)
        devices = jax.devices()[: min(len(jax.devices()), count)]
        self.plan, self.count = first, count
        self.at_once = not first.convolves
        self.mesh = Mesh(np.array(devices), (RUNS,))
        self.each = NamedSharding(self.mesh, PartitionSpec(RUNS))
        self.team = jax.device_put(team_of(first, 1), NamedSharding(self.mesh, PartitionSpec()))
        idle = -count % len(devices)  # so that every device has as many
        methods = [plan.method for plan in (*plans, *[first] * idle)]
        self.methods = jax.device_put(jax.tree.map(lambda *leaves: np.stack(leaves), *methods), self.each)
        self.carry = self._called(_starts, beginning(first))
        watch = jax.tree.map(lambda leaf: np.repeat(leaf[None], count + idle, 0), first.watch())
        self.watch = jax.device_put(watch, self.each)
        self.rounds = np.zeros(count + idle, np.int32)
        self.verdicts = np.where(np.arange(count + idle) < count, GOING, -1)

    @property
    def going(self) -> np.ndarray:
        """The numbers of the runs that go on."""
        return np.flatnonzero(self.verdicts == GOING)

    def advance(self, records: int, every: int) -> dict[int, Record]:
        """Return what each run that goes on records: up to `records` times, and `every` rounds after each."""
        going = self.going
        asked = jax.device_put(np.where(self.verdicts == GOING, records, 0).astype(np.int32), self.each)
        t0, inline = np.int32(self.rounds[going[0]]), self.plan.every == 1 and every <= 1
        buffer, self.carry, self.watch, seen, verdict = self._called(
            _blocks, self.carry, self.watch, asked, t0, np.int32(every), inline=inline
        )
        buffer, seen, verdict = jax.tree.map(np.asarray, (buffer, seen, verdict))
        self.verdicts[going] = verdict[going]
        self.rounds[going] += every * (seen - (verdict != GOING))[going]
        return {i: jax.tree.map(lambda leaf, i=i: leaf[i, : seen[i]], buffer) for i in map(int, going)}

    def outcomes(self) -> list[Outcome]:
        """Return the current answer of every run."""
        found = jax.tree.map(np.asarray, self._called(_outcomes, self.carry, jax.device_put(self.rounds, self.each)))
        return [jax.tree.map(lambda leaf, i=i: leaf[i], found) for i in range(self.count)]

    def watch_of(self, i: int) -> StopMonitor:
        """Return the monitor by which run i has been judged."""
        return jax.tree.map(lambda leaf: np.asarray(leaf[i]), self.watch)

    def _called(self, function: Any, *arguments: Any, **named: Any) -> Any:
        return function(self.plan.problem.loss)(
            self.team, self.methods, *arguments, mesh=self.mesh, at_once=self.at_once, **named
        )


def _each(function: Any, mesh: Mesh, at_once: bool) -> Any:
    """A function of what all runs share, and of what is a run's own, for every run; each device does its own part."""

    def part(shared: Any, own: Any) -> Any:
        if at_once:
            return jax.vmap(lambda own: function(*shared, *own))(own)
        return jax.lax.map(lambda own: function(*shared, *own), own)

    specs = (PartitionSpec(), PartitionSpec(RUNS))
    return jax.shard_map(part, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(RUNS), check_vma=False)


@partial(jit_by_loss, static_argnames=("mesh", "at_once"))
def _starts(team: Any, methods: Any, begin: Any, *, mesh: Mesh, at_once: bool) -> Any:
    start = lambda team, begin, method: replace(team, method=method).start(*begin)  # noqa: E731
    return _each(start, mesh, at_once)((team, begin), (methods,))


@partial(jit_by_loss, static_argnames=("mesh", "at_once", "inline"), donate_argnames=("carry",))
def _blocks(
    team: Any,
    methods: Any,
    carry: Any,
    watch: StopMonitor,
    records: Array,
    t0: Array,
    every: Array,
    *,
    mesh: Mesh,
    at_once: bool,
    inline: bool,
) -> Any:
    def lives(team: Any, t0: Array, every: Array, method: Any, carry: Any, watch: StopMonitor, records: Array) -> Any:
        return block(replace(team, method=method), carry, watch, t0, records, every, inline=inline)

    return _each(lives, mesh, at_once)((team, t0, every), (methods, carry, watch, records))


@partial(jit_by_loss, static_argnames=("mesh", "at_once"))
def _outcomes(team: Any, methods: Any, carry: Any, rounds: Array, *, mesh: Mesh, at_once: bool) -> Outcome:
    outcome = lambda team, method, carry, t: replace(team, method=method).outcome(carry, t)  # noqa: E731
    return _each(outcome, mesh, at_once)((team,), (methods, carry, rounds))
