"""Peers in real workers that wait for nobody: what they say is handed on as it comes off the link."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accord.core.stop_monitor import Watch
from accord.engine.events.scheduler import Calls, Letters
from accord.engine.planning.plan import Plan
from accord.engine.session import Outcome, Record
from accord.protocol.timeouts import Patience
from accord.protocol.transport import Place
from accord.runtimes.workers.assignment import Part
from accord.runtimes.workers.synchronous import Held, Hosted, by_turns


class Resting(NamedTuple):
    """What such a run holds while nobody is at work: as a checkpoint keeps it."""

    host: Held
    encounters: Any
    seen: Any


class AtWill:
    """A run in workers whose peers act as soon as they can, on what has come by then; see `Session`.

    A worker is given at once all of its agents that can act. Words pass through the host, so that a question holds all
    that its agents hear: a worker that dies is asked the same again, and from then on holds what it held before.
    """

    def __init__(self, plan: Plan, parts: tuple[Part, ...], link: Place, run: str, patience: Patience) -> None:
        self.plan, self.host = plan, Hosted(plan, parts, link, run, patience)
        self.requests = self.host.requests
        everyone = {worker: (np.arange(len(part.ks), dtype=np.int32),) for worker, part in enumerate(parts)}
        said = {worker: words for worker, (_, *words) in self.requests.ask("wake", 0, everyone, lasting=True).items()}
        self.seen = np.zeros(plan.problem.K, np.int32)  # the round in which each agent acted last, from 1
        order = np.argsort(np.concatenate([part.ks for part in parts]))
        first = [np.concatenate(leaves)[order] for leaves in zip(*(said[worker] for worker in everyone), strict=True)]
        self.encounters = (Letters if hasattr(plan.method, "messages") else Calls)(plan, first)
        self.begun = 0  # wakings
        self.idle = list(range(plan.problem.K))  # longest first
        self.called: dict[int, list[int]] = {worker: [] for worker in everyone}  # who is to act
        self.acting: dict[int, list[int]] = {}  # who is at it

    @property
    def round(self) -> int:
        """Wakings so far, or calls."""
        return self.host.round

    @property
    def watch(self) -> Watch:
        """The host's."""
        return self.host.watch

    @property
    def verdict(self) -> int:
        """The host's."""
        return self.host.verdict

    def advance(self, records: int, every: int) -> Record:
        """Record, then begin `every` rounds, `records` times, until the watch says stop."""
        return by_turns(self, records, every)

    def recorded(self) -> Record:
        """One record, while nobody is at work."""
        self._pause()
        total, largest, count = self.encounters.late
        record = self.host.recorded(int(np.min(self.seen[self.plan.weights > 0])))
        return record._replace(staleness=total / max(count, 1), stalest=largest)

    def go_on(self, count: int) -> None:
        """Begin so many rounds, as soon as there are agents for them."""
        until, before = self.round + count, self.round
        self._begin(until)
        while self.round < until:
            self._hear()
            self._begin(until)
        self.host.went(np.zeros((), self.plan.dtype), self.round - before)

    def _begin(self, until: int) -> None:
        acting = self.encounters.begin(self.idle, until - self.round, self.begun)
        self.begun += len(acting)
        self.host.round = self.begun // self.encounters.acting
        busy = set(acting)
        self.idle = [k for k in self.idle if k not in busy]
        for k in acting:
            self.called[int(self.host.owners[k])].append(k)
        self._send()

    def _send(self) -> None:
        """Give idle workers all that waits for them."""
        for worker, ks in self.called.items():
            if ks and worker not in self.requests.open:
                body = self.host.places[ks], *self.encounters.heard(ks, self.begun)
                self.requests.send("wake", self.begun, {worker: body})
                self.acting[worker], self.called[worker] = ks, []

    def _hear(self) -> None:
        """What comes first: some have acted, and say their next words."""
        worker, (moved, *said) = self.requests.first()
        ks = self.acting.pop(worker)
        self.seen[ks] = self.round
        self.host.went(moved, 0)
        self.encounters.told(ks, said, self.begun)
        self.idle += ks
        self._send()

    def _pause(self) -> None:
        """Nobody at work, and nothing half done, so that all can be asked something else."""
        while self.requests.open:
            self._hear()

    def outcome(self) -> Outcome:
        """Where the run stands."""
        self._pause()
        return self.host.outcome()

    def state(self) -> Resting:
        """Everything, the agents' states and what lies unread."""
        self._pause()
        return Resting(self.host.state(), self.encounters.state(), self.seen.copy())

    def restore(self, state: Resting, round: int) -> None:
        """Go on from `state` after `round` rounds."""
        self._pause()
        self.host.restore(state.host, round)
        self.encounters.restore(state.encounters)
        self.seen = np.array(state.seen)
        self.begun = round * self.encounters.acting

    def close(self) -> None:
        """Dismiss everybody."""
        self.host.close()
