"""A simulated network in virtual time: it loses, repeats, delays and reorders envelopes, and kills workers, by a seed.

It drives the same machines, by the same driver, as a real transport, in one thread and without waiting: a schedule can
be repeated, and thousands of them are tried in seconds.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from accord.protocol.driver import Clock, PartyDriver, arrival
from accord.protocol.events import Tick
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.transport import Transport

Begin = Callable[[int, Transport, Clock], PartyDriver]
"""How a worker begins, without a state."""


@dataclass(frozen=True)
class Faults:
    """Chances a delivery, and seconds of delay at most.

    - `loss`, `repetition`: of an envelope. `death`: of a worker at a delivery to it. `delay`: uniform up to so much.
    """

    loss: float = 0.2
    repetition: float = 0.1
    death: float = 0.03
    delay: float = 2.0


CALM = Faults(loss=0.0, repetition=0.0, death=0.0)

Fate = Callable[[int, Envelope], list[Envelope]]
"""What is put on its way in place of an envelope."""


class SimulatedNetwork:
    """The coordinator's end of the network, and the workers beyond it, with one virtual clock: a `Supervisor`."""

    def __init__(
        self, seed: int, workers: int, begin: Begin, faults: Faults, fate: Fate = lambda to, envelope: [envelope]
    ) -> None:
        self.random, self.faults, self.begin, self.fate, self.now = random.Random(seed), faults, begin, fate, 0.0
        self.queue: list[tuple[float, int, int, Envelope]] = []
        self.order = itertools.count()
        self.died: list[int] = []
        self.workers: dict[int, PartyDriver] = {}
        for worker in range(workers):
            self.restart(worker)

    def clock(self) -> float:
        """Virtual seconds since the beginning."""
        return self.now

    def deliver(self, to: int, envelope: Envelope, *, surely: bool = False) -> None:
        """Put an envelope on its way: perhaps it never arrives, perhaps twice, each time after a delay of its own."""
        copies = 1 if surely else 1 + (self.random.random() < self.faults.repetition)
        for _ in range(copies):
            if surely or self.random.random() >= self.faults.loss:
                when = self.now + self.faults.delay * self.random.random()
                heapq.heappush(self.queue, (when, next(self.order), to, envelope))

    # --- the coordinator's end ---------------------------------------------------------------------------------------

    def send(self, to: int, envelope: Envelope) -> None:
        for one in self.fate(to, envelope):
            self.deliver(to, one)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """Let time pass until an envelope arrives at the coordinator."""
        until = math.inf if seconds is None else self.now + seconds
        while True:
            alarm, sleeper = min((driver.party.wake_at, worker) for worker, driver in self.workers.items())
            soonest = self.queue[0][0] if self.queue else math.inf
            if until < min(alarm, soonest):
                self.now = until
                return None
            if alarm < soonest:
                self.now = max(self.now, alarm)
                self.workers[sleeper].take(Tick())
                continue
            self.now, _, to, envelope = heapq.heappop(self.queue)
            if to == COORDINATOR:
                return envelope
            self.arrive(to, envelope)

    def restart(self, worker: int) -> None:
        """Begin a worker; what is still on its way to its predecessor will reach it."""
        self.workers[worker] = self.begin(worker, WorkersEnd(self, worker), self.clock)

    def close(self) -> None: ...

    # --- the workers' ------------------------------------------------------------------------------------------------

    def arrive(self, to: int, envelope: Envelope) -> None:
        """Hand an envelope to a worker, or have it die of it; a dead one receives nothing until it is restarted."""
        driver = self.workers[to]
        if not driver.closed and self.random.random() < self.faults.death:
            self.kill(to)
        elif not driver.closed:
            driver.take(arrival(envelope))

    def kill(self, worker: int) -> None:
        """End a worker without a word; the coordinator is told in time."""
        self.died.append(worker)
        self.workers[worker].closed, self.workers[worker].party.wake_at = True, math.inf
        self.deliver(COORDINATOR, Envelope("", worker, Kind.LOST, 0, 0, 0, ()), surely=True)


class WorkersEnd:
    """A worker's end of the network; what arrives is handed to its driver."""

    def __init__(self, network: SimulatedNetwork, own: int) -> None:
        self.network, self.own = network, own

    def send(self, to: int, envelope: Envelope) -> None:
        self.network.send(to, envelope)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        raise NotImplementedError

    def close(self) -> None: ...
