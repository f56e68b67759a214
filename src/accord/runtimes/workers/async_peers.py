"""Asynchronous peers in real workers: what they send is handed on as it comes off the link."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from accord.core.stop_monitor import StopMonitor
from accord.engine.events.scheduler import MailboxScheduler, PairScheduler
from accord.engine.planning.plan import Plan
from accord.engine.session import Outcome, Record
from accord.protocol.driver import Clock
from accord.protocol.messages import Kind
from accord.protocol.timeouts import Timeouts
from accord.protocol.transport import Supervisor
from accord.runtimes.workers.assignment import Assignment
from accord.runtimes.workers.synchronous import HostState, SyncWorkersSession, advance_blocks


class Drained(NamedTuple):
    """The state of such a run while no agent is at work: as a checkpoint keeps it."""

    host: HostState
    encounters: Any
    seen: Any


class AsyncPeersSession:
    """A run in workers whose peers act as soon as they can, on what has come by then; see `Session`.

    A worker is given at once all of its agents that can act. Messages pass through the host, so that a question holds
    all that its agents receive: a worker that dies is asked the same again, and from then on holds what it held before.
    """

    def __init__(
        self,
        plan: Plan,
        parts: tuple[Assignment, ...],
        transport: Supervisor,
        run: str,
        timeouts: Timeouts,
        clock: Clock = time.monotonic,
    ) -> None:
        self.plan, self.host = plan, SyncWorkersSession(plan, parts, transport, run, timeouts, clock)
        self.coordinator = self.host.coordinator
        everyone = {worker: (np.arange(len(part.ks), dtype=np.int32),) for worker, part in enumerate(parts)}
        said = {
            worker: words
            for worker, (_, *words) in self.coordinator.ask(Kind.ACTIVATE, 0, everyone, durable=True).items()
        }
        self.seen = np.zeros(plan.problem.K, np.int32)  # the round in which each agent acted last, from 1
        order = np.argsort(np.concatenate([part.ks for part in parts]))
        first = [np.concatenate(leaves)[order] for leaves in zip(*(said[worker] for worker in everyone), strict=True)]
        self.encounters = (MailboxScheduler if hasattr(plan.method, "messages") else PairScheduler)(plan, first)
        self.begun = 0  # wakings
        self.idle = list(range(plan.problem.K))  # longest first
        self.called: dict[int, list[int]] = {worker: [] for worker in everyone}  # who is to act
        self.acting: dict[int, list[int]] = {}  # who is at it

    @property
    def round(self) -> int:
        """Wakings so far, or calls."""
        return self.host.round

    @property
    def watch(self) -> StopMonitor:
        """The host's."""
        return self.host.watch

    @property
    def verdict(self) -> int:
        """The host's."""
        return self.host.verdict

    def advance(self, records: int, every: int) -> Record:
        """Record, then begin `every` rounds, `records` times, until the monitor stops the run."""
        return advance_blocks(self, records, every)

    def recorded(self) -> Record:
        """Return one record, while no agent is at work."""
        self._drain()
        total, largest, count = self.encounters.late
        record = self.host.recorded(int(np.min(self.seen[self.plan.weights > 0])))
        return record._replace(staleness=total / max(count, 1), stalest=largest)

    def go_on(self, count: int) -> None:
        """Begin so many rounds, as soon as there are agents for them."""
        until, before = self.round + count, self.round
        self._begin(until)
        while self.round < until:
            self._receive()
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
            if ks and worker not in self.coordinator.at_work:
                body = self.host.places[ks], *self.encounters.received(ks, self.begun)
                self.coordinator.send(Kind.ACTIVATE, self.begun, {worker: body})
                self.acting[worker], self.called[worker] = ks, []

    def _receive(self) -> None:
        """Take the next reply, of agents that have acted, and deliver their messages."""
        worker, (moved, *said) = self.coordinator.next_reply()
        ks = self.acting.pop(worker)
        self.seen[ks] = self.round
        self.host.went(moved, 0)
        self.encounters.deliver(ks, said, self.begun)
        self.idle += ks
        self._send()

    def _drain(self) -> None:
        """Wait until no agent is at work, and nothing is half done, so that all can be asked something else."""
        while self.coordinator.at_work:
            self._receive()

    def outcome(self) -> Outcome:
        """Return the current answer of the run."""
        self._drain()
        return self.host.outcome()

    def state(self) -> Drained:
        """Return the whole state, the agents' and the unread messages too."""
        self._drain()
        return Drained(self.host.state(), self.encounters.state(), self.seen.copy())

    def restore(self, state: Drained, round: int) -> None:
        """Go on from `state` after `round` rounds."""
        self._drain()
        self.host.restore(state.host, round)
        self.encounters.restore(state.encounters)
        self.seen = np.array(state.seen)
        self.begun = round * self.encounters.acting

    def close(self) -> None:
        """Dismiss all workers."""
        self.host.close()
