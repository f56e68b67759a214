"""Asking workers until each question is answered once, whatever the link loses and whoever dies in between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from accord.errors import AgentError, ShardLost
from accord.protocol.messages import COORDINATOR, FAILED, LOST, Envelope, same
from accord.protocol.transport import Supervisor

MAX_RESTARTS = 3
"""How often a worker may die over one question: what kills it so often would kill it again."""

SNAPSHOT_RATIO = 20
"""The state is fetched once the work that would have to be repeated without it took so many times as long."""

GRACE = 60.0
"""Seconds that a block of rounds may take at least that has begun before the run was to end."""

Body = tuple[Any, ...]


class LogEntry(NamedTuple):
    """A question that changed what workers hold, and was counted."""

    kind: str
    round: int
    bodies: dict[int, Body]


class WorkerLost(Exception):
    """A worker can no longer be reached."""

    def __init__(self, worker: int) -> None:
        self.worker = worker


class Coordinator:
    """The host's questions to its workers, each of whom has one at a time.

    A question has a number. In silence it is asked again: who has answered it gives the same answer, and an answer of
    another number is refused. What changed the workers' state is written down when it is counted. Who dies is started
    anew, is given the state that was fetched last, and is asked again all that counted since; where workers speak with
    each other (`together`), everybody goes back to that state, so that it is all said again. So it is for who does not
    answer what everybody has to by a `failure_timeout` in seconds, where there is one.

    Where the run is to end after some `seconds`, so does waiting: twice as long after the start, or a minute after it,
    whoever has not answered by then is named in a `ShardLost`.
    """

    def __init__(
        self,
        run: str,
        transport: Supervisor,
        names: Mapping[int, str],
        *,
        together: bool,
        retry_interval: float,
        failure_timeout: float | None = None,
        seconds: float | None = None,
    ) -> None:
        self.run, self.transport, self.names, self.together = run, transport, names, together
        self.retry_interval, self.failure_timeout, self.seconds = retry_interval, failure_timeout, seconds
        self.started = time.monotonic()
        self.request_id = 0
        self.open: dict[int, Envelope] = {}  # under way
        self.replies: dict[int, Body] = {}  # to those
        self.late: dict[int, Envelope] = {}  # still worked on by who was left behind with it
        self.recovered: set[int] = set()  # who was left behind and has answered since
        self.log: list[LogEntry] = []
        self.restarts: Counter[int] = Counter()
        self.fetched, self.cost = time.monotonic(), 0.0

    def ask(self, kind: str, round: int, bodies: Mapping[int, Body], *, durable: bool = False) -> dict[int, Body]:
        """Everybody's answer; `lasting` where it changes what workers hold. Who gives none by the limit is replaced."""
        self.send(kind, round, bodies)
        started = time.monotonic()
        while waiting := self.awaited():
            self.poll(self.failure_timeout)
            if (
                self.failure_timeout is not None
                and time.monotonic() - started > self.failure_timeout
                and waiting[0] in self.awaited()
            ):
                self._recover(waiting[0])
                started = time.monotonic()
        return self.commit(bodies, durable=durable)

    def broadcast(self, kind: str, round: int, *body: Any, durable: bool = False) -> dict[int, Body]:
        """The same question to all."""
        return self.ask(kind, round, dict.fromkeys(self.names, body), durable=durable)

    def next_reply(self) -> tuple[int, Body]:
        """Whose answer comes first, and what it is, which changes what it holds; nobody else is waited for."""
        while not self.replies:
            self.poll()
        worker = next(iter(self.replies))
        return worker, self.commit([worker], durable=True)[worker]

    def ask_until(
        self, deadline: float, enough: Callable[[set[int]], bool], kind: str, round: int, bodies: Mapping[int, Body]
    ) -> dict[int, Body]:
        """The answers by a deadline in seconds, or as soon after it as they are enough; the others are left behind."""
        self.send(kind, round, bodies)
        started = time.monotonic()
        while waiting := self.awaited():
            spent = time.monotonic() - started
            if spent >= deadline and enough(set(self.replies)):
                break
            if spent >= 10 * deadline:
                slow = " and ".join(self.names[worker] for worker in waiting)
                raise ShardLost(
                    f"Round {round}: after {spent:.3g} s, ten times the deadline, there is no answer from "
                    f"{slow}, and the others are below the quorum. Give a longer deadline or a smaller "
                    "quorum."
                )
            self.poll(max(deadline - spent, deadline / 10))
        self.late |= {worker: self.open.pop(worker) for worker in waiting}
        return self.commit(list(self.open), durable=True)

    def free(self) -> set[int]:
        """All but those still at work on what they were left behind with; who is back forgets what did not count."""
        if self.recovered:
            self.ask("forget", 0, dict.fromkeys(sorted(self.recovered), ()))
            self.recovered.clear()
        return set(self.names) - set(self.late)

    def commit(self, workers: Iterable[int], *, durable: bool) -> dict[int, Body]:
        """Take their answers for good; now and then fetch the state, so that little would have to be repeated."""
        asked = {worker: self.open.pop(worker) for worker in workers}
        answers = {worker: self.replies.pop(worker) for worker in asked}
        for worker in asked:
            self.restarts.pop(worker, None)
        if durable and asked:
            first = next(iter(asked.values()))
            self.log.append(LogEntry(first.kind, first.round, {worker: one.body for worker, one in asked.items()}))
            idle = not (self.open or self.late or self.recovered)
            if idle and time.monotonic() - self.fetched > SNAPSHOT_RATIO * self.cost:
                self.snapshot(first.round + 1)
        return answers

    def snapshot(self, round: int) -> dict[int, Body]:
        """Everybody's state: where who dies from now on begins."""
        started = time.monotonic()
        states = self.broadcast("state", round)
        self.log = [LogEntry("restore", round, states)]
        self.fetched = time.monotonic()
        self.cost = self.fetched - started
        return states

    def restore(self, round: int, states: Mapping[int, Body]) -> None:
        """Everybody goes on from a state."""
        self.log.clear()
        self.ask("restore", round, states, durable=True)

    def shutdown(self) -> None:
        """The run is over."""
        self.send("dismiss", 0, dict.fromkeys(self.names, ()))
        self.transport.close()

    # --- one at a time -----------------------------------------------------------------------------------------------

    def send(self, kind: str, round: int, bodies: Mapping[int, Body]) -> None:
        """Ask under a new number."""
        self.request_id += 1
        for worker, body in bodies.items():
            self.open[worker] = Envelope(self.run, COORDINATOR, kind, self.request_id, round, 0, body)
            self.replies.pop(worker, None)
            self.transport.send(worker, self.open[worker])

    def awaited(self) -> list[int]:
        """Whom an answer is awaited from."""
        return [worker for worker in self.open if worker not in self.replies]

    def poll(self, seconds: float | None = None) -> None:
        """Take one envelope, or wait so long for it; replace who is gone."""
        try:
            self._receive(self.retry_interval if seconds is None else min(seconds, self.retry_interval))
        except WorkerLost as gone:
            self._recover(gone.worker)

    def _receive(self, seconds: float) -> None:
        self._check_time()
        envelope = self.transport.receive(seconds)
        if envelope is None:
            for worker, question in (*self.open.items(), *self.late.items()):
                if worker not in self.replies:
                    self.transport.send(worker, question)
        elif envelope.kind == LOST:
            raise WorkerLost(envelope.sender)
        elif envelope.run != self.run:
            return
        elif envelope.kind == FAILED:
            raise AgentError(*envelope.body)
        elif self._answers(envelope, self.open):
            known = self.replies.setdefault(envelope.sender, envelope.body)
            if known is not envelope.body and not same(known, envelope.body):
                raise ShardLost(
                    f"{self.names[envelope.sender]} has given two different answers to question "
                    f"{envelope.request_id}, {envelope.kind}. See what else speaks in its name."
                )
        elif self._answers(envelope, self.late):
            del self.late[envelope.sender]
            self.recovered.add(envelope.sender)

    def _check_time(self) -> None:
        spent = time.monotonic() - self.started
        if self.seconds is not None and spent > self.seconds + max(self.seconds, GRACE):
            slow = " and ".join(self.names[worker] for worker in self.awaited()) or "anybody"
            raise ShardLost(
                f"The run was to end after {self.seconds:g} seconds, and after {spent:.0f} there is no answer from "
                f"{slow}. Give Stop(seconds=...) the time of a block of rounds at least, or see what keeps them."
            )

    def _answers(self, envelope: Envelope, questions: Mapping[int, Envelope]) -> bool:
        asked = questions.get(envelope.sender)
        return asked is not None and (asked.request_id, asked.kind) == (envelope.request_id, envelope.kind)

    def _recover(self, lost: int | None) -> None:
        """Start who is gone anew, and say again what counted and what is under way, to it or to all."""
        under_way, behind = dict(self.open), set[int]()
        while lost is not None:
            self._replace(lost)
            behind |= set(self.names) if self.together else {lost}
            try:
                for past in self.log:
                    self._replay(past, behind)
                lost = None
            except WorkerLost as gone:
                lost = gone.worker
        for worker in behind:
            self.open.pop(worker, None)
            self.replies.pop(worker, None)
        questions = {worker: one for worker, one in under_way.items() if worker in behind}
        if questions:
            first = next(iter(questions.values()))
            self.send(first.kind, first.round, {worker: one.body for worker, one in questions.items()})

    def _replay(self, past: LogEntry, behind: set[int]) -> None:
        self.send(past.kind, past.round, {worker: body for worker, body in past.bodies.items() if worker in behind})
        while any(worker in behind for worker in self.awaited()):
            self._receive(self.retry_interval)

    def _replace(self, lost: int) -> None:
        self.restarts[lost] += 1
        if self.restarts[lost] > MAX_RESTARTS:
            raise ShardLost(
                f"{self.names[lost]} died {self.restarts[lost]} times over one question. See whether an "
                "agent there runs out of memory, or take more shards, which are smaller."
            )
        self.late.pop(lost, None)
        self.recovered.discard(lost)
        self.transport.restart(lost)
