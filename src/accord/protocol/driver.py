"""The driver: the only loop that reads a clock and waits on a transport.

It hands what arrives to a machine of the protocol as an event, and carries out the commands that follow.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from accord.errors import ShardLost
from accord.protocol.coordinator import Coordinator
from accord.protocol.events import (
    Abandon,
    Close,
    Command,
    Computation,
    Compute,
    Continue,
    Damaged,
    Event,
    Failed,
    Finished,
    Lost,
    Received,
    Restart,
    Send,
    Tick,
)
from accord.protocol.messages import Body, Envelope, Kind
from accord.protocol.party import Party
from accord.protocol.peer_exchange import Contradiction
from accord.protocol.transport import Supervisor, Transport

Clock = Callable[[], float]
"""Seconds, monotonic."""


def arrival(envelope: Envelope | None) -> Event:
    """The event that an arrival is; none at all is time that has passed."""
    if envelope is None:
        return Tick()
    match envelope.kind:
        case Kind.LOST:
            return Lost(envelope.sender)
        case Kind.DAMAGED:
            return Damaged(envelope.sender)
        case _:
            return Received(envelope)


def seconds_until(time: float, now: float) -> float | None:
    """Seconds that may be waited; None where there is no limit."""
    return None if math.isinf(time) else max(time - now, 0.0)


class CoordinatorDriver:
    """The coordinator's requests over a transport, as calls that return when their replies have arrived."""

    def __init__(self, coordinator: Coordinator, transport: Supervisor, clock: Clock = time.monotonic) -> None:
        self.machine, self.transport, self.clock = coordinator, transport, clock

    @property
    def at_work(self) -> set[int]:
        """The workers with a request whose reply is not committed."""
        return set(self.machine.open)

    # --- requests ----------------------------------------------------------------------------------------------------

    def ask(self, kind: Kind, round: int, bodies: Mapping[int, Body], *, durable: bool = False) -> dict[int, Body]:
        """Send one request to each of these workers, and wait for all replies; `durable`: it changes their state."""
        self._execute(self.machine.send(kind, round, bodies, self.clock(), all_needed=True))
        while not self.machine.complete:
            self.poll()
        return self._commit(bodies, round, durable=durable)

    def broadcast(self, kind: Kind, round: int, *body: Any, durable: bool = False) -> dict[int, Body]:
        """Ask all workers the same, once they have taken back what did not count."""
        self._roll_back(self.machine.uncounted)
        return self.ask(kind, round, dict.fromkeys(self.machine.names, body), durable=durable)

    def send(self, kind: Kind, round: int, bodies: Mapping[int, Body]) -> None:
        """Send one request to each of these workers, without waiting."""
        self._execute(self.machine.send(kind, round, bodies, self.clock(), all_needed=False))

    def next_reply(self) -> tuple[int, Body]:
        """The next reply of any worker, to a request that changes its state."""
        while not self.machine.ready:
            self.poll()
        worker = self.machine.ready[0]
        return worker, self._commit([worker], self.machine.open[worker].round, durable=True)[worker]

    def ask_until(
        self, deadline: float, enough: Callable[[set[int]], bool], kind: Kind, round: int, bodies: Mapping[int, Body]
    ) -> dict[int, Body]:
        """The replies by a deadline in seconds, or as soon after it as they are enough; the others are left behind.

        Raises `ShardLost` where they are not enough after ten deadlines.
        """
        started = self.clock()
        due, last = started + deadline, started + 10 * deadline
        self.send(kind, round, bodies)
        while not self.machine.complete:
            now = self.clock()
            if now >= due and enough(set(self.machine.ready)):
                break
            if now >= last:
                slow = " and ".join(self.machine.names[worker] for worker in self.machine.awaited)
                raise ShardLost(
                    f"Round {round}: after {now - started:.3g} s, ten times the deadline, there is no answer from "
                    f"{slow}, and the others are below the quorum. Give a longer deadline or a smaller quorum."
                )
            self.poll(due if now < due else last)
        self.machine.leave_behind()
        return self._commit(list(self.machine.open), round, durable=True)

    def free(self) -> set[int]:
        """The workers that are not at work on a request they were left behind with; what did not count is undone."""
        while self.machine.returned:  # others may return meanwhile
            self._roll_back(self.machine.returned)
        return set(self.machine.names) - set(self.machine.late)

    def snapshot(self, round: int) -> dict[int, Body]:
        """The state of every worker after `round` rounds: where a worker that is lost from now on begins."""
        started = self.clock()
        states = self.broadcast(Kind.SNAPSHOT, round)
        self.machine.keep_snapshot(round, states, started, self.clock())
        return states

    def restore(self, round: int, states: Mapping[int, Body]) -> None:
        """Have every worker go on from a state."""
        self.machine.log.clear()
        self.ask(Kind.RESTORE, round, states, durable=True)

    def shutdown(self) -> None:
        """End the run."""
        self.send(Kind.SHUTDOWN, 0, dict.fromkeys(self.machine.names, ()))
        self.transport.close()

    # --- the loop ----------------------------------------------------------------------------------------------------

    def poll(self, until: float = math.inf) -> None:
        """Take one arrival, or wait until a time, or until there is something to do; a recovery is completed."""
        self._step(until)
        while self.machine.recovery is not None:
            self._step(math.inf)

    def _step(self, until: float) -> None:
        seconds = seconds_until(min(self.machine.wake_at, until), self.clock())
        self._execute(self.machine.handle(arrival(self.transport.receive(seconds)), self.clock()))

    def _commit(self, workers: Iterable[int], round: int, *, durable: bool) -> dict[int, Body]:
        replies = self.machine.commit(workers, durable=durable)
        if durable and self.machine.snapshot_due(self.clock()):
            self.snapshot(round + 1)
        return replies

    def _roll_back(self, uncounted: Mapping[int, int]) -> None:
        if bodies := {worker: (number,) for worker, number in sorted(uncounted.items())}:
            self.ask(Kind.ROLLBACK, 0, bodies)
            self.machine.roll_back(bodies)

    def _execute(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Send):
                self.transport.send(command.to, command.envelope)
            elif isinstance(command, Restart):
                self.transport.restart(command.worker)


class PartyDriver:
    """A worker's party over a transport, and its computations.

    - `compute`: of a request, the computation. `failure`: of an exception, the body of the reply that tells of it.
    """

    def __init__(
        self,
        party: Party,
        transport: Transport,
        compute: Callable[[Envelope], Computation],
        failure: Callable[[BaseException], Body],
        clock: Clock = time.monotonic,
    ) -> None:
        self.party, self.transport, self.clock = party, transport, clock
        self.compute, self.failure = compute, failure
        self.computation: Computation | None = None
        self.closed = False

    def run(self) -> None:
        """Handle events until the coordinator ends the run, or is lost."""
        while not self.closed:
            self.take(arrival(self.transport.receive(seconds_until(self.party.wake_at, self.clock()))))

    def take(self, event: Event) -> None:
        """Handle one event, and all that follow from it without waiting."""
        following: Event | None = event
        while following is not None:
            event, following = following, None
            for command in self._commands(event):
                if isinstance(command, Send):
                    self.transport.send(command.to, command.envelope)
                elif isinstance(command, Close):
                    self.closed = True
                elif isinstance(command, Abandon):
                    self._abandon()
                elif isinstance(command, Compute | Continue):
                    following = self._computed(command)

    def _commands(self, event: Event) -> list[Command]:
        try:
            return self.party.handle(event, self.clock())
        except Contradiction as error:
            self._abandon()
            return self.party.handle(Failed(self.failure(error)), self.clock())

    def _computed(self, command: Compute | Continue) -> Event:
        """Compute until the next exchange, or to the end."""
        try:
            if isinstance(command, Compute):
                self.computation = self.compute(command.request)
                return next(self.computation)
            assert self.computation is not None  # it has yielded its messages
            return self.computation.send(command.messages)
        except StopIteration as end:
            return Finished(end.value)
        except BaseException as error:  # whatever an agent raises ends the run for all
            return Failed(self.failure(error))

    def _abandon(self) -> None:
        if self.computation is not None:
            self.computation.close()
        self.computation = None
