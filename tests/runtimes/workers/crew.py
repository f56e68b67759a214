"""Workers in threads over a link that does what a test wants: lose, repeat, delay, forge; and workers that can die."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

from accord.engine.planning.validation.timeouts import check_timeouts
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.timeouts import Timeouts
from accord.runtimes.workers.assignment import divide
from accord.runtimes.workers.async_server import session_of
from accord.runtimes.workers.worker import Worker

Boxes = dict[int, "queue.SimpleQueue[Envelope]"]
Fate = Callable[[int, Envelope], Iterator[Envelope] | list[Envelope]]


def delivered(to: int, envelope: Envelope) -> list[Envelope]:
    """What becomes of an envelope on a good day."""
    return [envelope]


def rough(seed: int) -> Callable[[int, Envelope], Iterator[Envelope]]:
    """One in eight is lost, one in eight comes twice, one in eight comes after the next."""
    random_number, held, lock = random.Random(seed), dict[int, Envelope](), threading.Lock()

    def fate(to: int, envelope: Envelope) -> Iterator[Envelope]:
        with lock:
            what = random_number.randrange(8)
            if what == 0 and envelope.kind != "shutdown":
                return
            if what == 1 and to not in held:
                held[to] = envelope
                return
            yield envelope
            if what == 2:
                yield envelope
            if to in held:
                yield held.pop(to)

    return fate


class Crew:
    """A runtime: `fate` says what arrives in place of an envelope, `dies` who dies when the host is told something."""

    def __init__(
        self,
        workers: int,
        fate: Fate = delivered,
        dies: Callable[[Envelope], int | None] = lambda envelope: None,
        patience: Timeouts | None = None,
    ) -> None:
        self.workers, self.fate, self.dies = workers, fate, dies
        self.patience = patience or Timeouts(retry_interval=0.02)
        self.boxes: Boxes = {COORDINATOR: queue.SimpleQueue()}
        self.ends: dict[int, End] = {}
        self.died: list[int] = []
        self.session: Any = None

    def start(self, plan: Any) -> Any:
        check_timeouts(self.patience, plan, "Crew")
        self.parts = divide(plan, self.workers)
        for worker in range(len(self.parts)):
            self.begin(worker)
        self.session = session_of(plan)(plan, self.parts, HostsEnd(self, COORDINATOR), "this run", self.patience)
        return self.session

    def begin(self, worker: int) -> None:
        self.boxes[worker] = queue.SimpleQueue()
        self.ends[worker] = End(self, worker)
        life = Worker(self.parts[worker], "this run", self.ends[worker], worker, self.patience.retry_interval).live
        threading.Thread(target=life, daemon=True).start()


class End:
    """A party's end of the link; of a dead one nothing is heard any more."""

    def __init__(self, crew: Crew, own: int) -> None:
        self.crew, self.own, self.box, self.dead = crew, own, crew.boxes[own], False

    def send(self, to: int, envelope: Envelope) -> None:
        for one in self.crew.fate(to, envelope) if not self.dead else ():
            self.crew.boxes[to].put(one)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        while not self.dead:
            try:
                return self.box.get(timeout=0.2 if seconds is None else seconds)
            except queue.Empty:
                if seconds is not None:
                    return None
        return Envelope("", COORDINATOR, Kind.LOST, 0, 0, 0, ())

    def close(self) -> None:
        pass


class HostsEnd(End):
    """The host's."""

    def receive(self, seconds: float | None = None) -> Envelope | None:
        envelope = super().receive(seconds)
        if envelope is not None and envelope.kind != Kind.LOST and (worker := self.crew.dies(envelope)) is not None:
            self.crew.ends[worker].dead = True
            self.crew.died.append(worker)
            self.box.put(Envelope("", worker, Kind.LOST, 0, 0, 0, ()))
        return envelope

    def restart(self, worker: int) -> None:
        self.crew.begin(worker)
