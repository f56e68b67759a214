"""Reliable request and reply from a coordinator to its workers, without a clock or a socket.

A request has an id. Where no reply arrives in time the same request is sent again, under the same id; a worker that
has replied to it sends the same reply, and a reply under another id is ignored. A request that changes the workers'
state is written to a log when its replies are committed. A worker that is lost is started again, receives the last
snapshot, and then all committed requests since, each under a **new** id: what is still on its way to or from its
predecessor bears an older id and is refused on both sides. Where workers send messages to one another during a request
(`together`), all of them go back to the snapshot, so that these messages are all sent again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from accord.errors import AgentError, ShardLost
from accord.protocol.events import Command, Damaged, Event, Lost, Received, Restart, Send, Tick
from accord.protocol.messages import COORDINATOR, Body, Envelope, Kind, same

MAX_RESTARTS = 3
"""Restarts of one worker during one request: what kills it so often would kill it again."""

SNAPSHOT_RATIO = 20
"""A snapshot is due when the work since the last one took so many times as long as a snapshot does."""

GRACE = 60.0
"""Seconds at least that a block of rounds may take which has begun before the run was to end."""


class LogEntry(NamedTuple):
    """A committed request that changed the workers' state."""

    kind: str
    round: int
    bodies: dict[int, Body]


class Recovery(NamedTuple):
    """A replay in progress: `behind` are the workers that repeat the log, from the entry `position` on."""

    behind: frozenset[int]
    interrupted: dict[int, Envelope]  # what was open when a worker was lost: sent again at the end
    position: int


class Coordinator:
    """The coordinator's machine: requests open, replies received, the log, and a recovery in progress.

    - `names`: by worker, for errors. `together`: workers exchange messages within a request.
    - `started`: the time now. `seconds`: those after which the run is to end, where it is: twice as many after the
      start, or a minute after them, no reply is awaited any more, and `ShardLost` names who owes one.
    - `retry_interval`: seconds after which a request without a reply is sent again.
    - `failure_timeout`: seconds after which a worker that all wait for counts as lost, where there is such a limit.
    """

    def __init__(
        self,
        run: str,
        names: Mapping[int, str],
        started: float,
        *,
        together: bool,
        retry_interval: float,
        failure_timeout: float | None = None,
        seconds: float | None = None,
    ) -> None:
        self.run, self.names, self.together = run, names, together
        self.retry_interval, self.failure_timeout = retry_interval, failure_timeout or math.inf
        self.started, self.seconds = started, math.inf if seconds is None else seconds
        self.request_id = 0
        self.open: dict[int, Envelope] = {}  # requests without a committed reply
        self.replies: dict[int, Body] = {}  # to those
        self.late: dict[int, Envelope] = {}  # requests that were committed without this worker's reply
        self.returned: dict[int, int] = {}  # workers that have done such a request since, and its id
        self.log: list[LogEntry] = []
        self.restarts: Counter[int] = Counter()
        self.recovery: Recovery | None = None
        self.all_needed = False  # no reply can be done without
        self.sent_at, self.retry_at = started, dict[int, float]()
        self.snapshot_at, self.snapshot_cost = started, 0.0

    @property
    def awaited(self) -> list[int]:
        """The workers whose reply has not arrived; of those that repeat the log, while some do."""
        found = [worker for worker in self.open if worker not in self.replies]
        return found if self.recovery is None else [worker for worker in found if worker in self.recovery.behind]

    @property
    def ready(self) -> list[int]:
        """The workers whose reply can be committed, in the order of arrival: none while a recovery is in progress."""
        return list(self.replies) if self.recovery is None else []

    @property
    def complete(self) -> bool:
        """True when every open request has its reply."""
        return self.recovery is None and not self.awaited

    @property
    def failure_at(self) -> float:
        """The time at which a worker that all wait for counts as lost."""
        waited_for = (self.all_needed or self.recovery is not None) and self.awaited
        return self.sent_at + self.failure_timeout if waited_for else math.inf

    @property
    def wake_at(self) -> float:
        """The latest time at which a `Tick` is due."""
        return min([self.failure_at, self._ends_at, *(self.retry_at[worker] for worker in self._unanswered)])

    # --- what the run asks -------------------------------------------------------------------------------------------

    def send(
        self, kind: Kind | str, round: int, bodies: Mapping[int, Body], now: float, *, all_needed: bool
    ) -> list[Command]:
        """Open a request to each of these workers, under one new id."""
        self.request_id, self.all_needed, self.sent_at = self.request_id + 1, all_needed, now
        requests = {w: Envelope(self.run, COORDINATOR, kind, self.request_id, round, 0, b) for w, b in bodies.items()}
        self.open |= requests
        for worker in requests:
            self.replies.pop(worker, None)
        return self._transmit(requests, now)

    def leave_behind(self) -> None:
        """Give up the replies that have not arrived: these workers stay at work on an old request."""
        self.late |= {worker: self.open.pop(worker) for worker in self.awaited}

    def commit(self, workers: Iterable[int], *, durable: bool) -> dict[int, Body]:
        """Take replies; `durable` where the request changed the workers' state, so that it is replayed after a loss."""
        asked = {worker: self.open.pop(worker) for worker in workers}
        replies = {worker: self.replies.pop(worker) for worker in asked}
        for worker in asked:
            self.restarts.pop(worker, None)
        if durable and asked:
            first = next(iter(asked.values()))
            self.log.append(LogEntry(first.kind, first.round, {worker: one.body for worker, one in asked.items()}))
        return replies

    @property
    def uncounted(self) -> dict[int, int]:
        """The ids of requests that were given up, by workers that have or may have changed their state for them."""
        return {worker: request.request_id for worker, request in self.late.items()} | self.returned

    def roll_back(self, workers: Iterable[int]) -> None:
        """Note that these workers have taken back what did not count."""
        for worker in workers:
            self.late.pop(worker, None)
            self.returned.pop(worker, None)

    def snapshot_due(self, now: float) -> bool:
        """Return whether a replay would take so long that a snapshot is worth its cost, and no worker is busy."""
        idle = not (self.open or self.late or self.returned)
        return idle and now - self.snapshot_at > SNAPSHOT_RATIO * self.snapshot_cost

    def keep_snapshot(self, round: int, states: dict[int, Body], started: float, now: float) -> None:
        """Begin the log again at these states, which are those after `round` rounds."""
        self.log = [LogEntry(Kind.RESTORE, round, states)]
        self.snapshot_at, self.snapshot_cost = now, now - started

    # --- events ------------------------------------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event; the commands that follow from it. Raises `AgentError`, `ShardLost`."""
        self._check_time(now)
        match event:
            case Received(envelope) if envelope.run == self.run:
                self._receive(envelope)
                return self._replay(now) if self.recovery is not None and not self.awaited else []
            case Damaged(sender):
                return self._transmit({w: one for w, one in self._unanswered.items() if w == sender}, now)
            case Lost(worker):
                return self._recover(worker, now)
            case Tick() if now >= self.failure_at:
                return self._recover(self.awaited[0], now)
            case Tick():
                return self._transmit({w: one for w, one in self._unanswered.items() if now >= self.retry_at[w]}, now)
            case _:
                return []

    @property
    def _unanswered(self) -> dict[int, Envelope]:
        """The requests to send again, by worker: the last to each."""
        return self.late | {worker: one for worker, one in self.open.items() if worker not in self.replies}

    def _transmit(self, requests: Mapping[int, Envelope], now: float) -> list[Command]:
        self.retry_at |= dict.fromkeys(requests, now + self.retry_interval)
        return [Send(worker, request) for worker, request in requests.items()]

    def _receive(self, envelope: Envelope) -> None:
        worker, late = envelope.sender, self.late.get(envelope.sender)
        if envelope.kind == Kind.FAILED:
            raise AgentError(*envelope.body)
        if late is not None and envelope.request_id >= late.request_id:  # a later one: it has done it, or never will
            self.returned[worker] = self.late.pop(worker).request_id
        asked = self.open.get(worker)
        if asked is None or (asked.request_id, asked.kind) != (envelope.request_id, envelope.kind):
            return
        known = self.replies.setdefault(worker, envelope.body)
        if known is not envelope.body and not same(known, envelope.body):
            raise ShardLost(
                f"{self.names[worker]} has given two different replies to request {envelope.request_id}, "
                f"{envelope.kind}. Its agents do not answer alike when asked again: fix what is random in them by a "
                "seed."
            )

    @property
    def _ends_at(self) -> float:
        return self.started + self.seconds + max(self.seconds, GRACE)

    def _check_time(self, now: float) -> None:
        if now >= self._ends_at:
            slow = " and ".join(self.names[worker] for worker in self.awaited) or "any shard"
            raise ShardLost(
                f"The run was to end after {self.seconds:g} seconds, and after {now - self.started:.0f} there is no "
                f"answer from {slow}. Give Stop(seconds=...) the time of a block of rounds at least, or see what "
                "keeps them."
            )

    # --- recovery ----------------------------------------------------------------------------------------------------

    def _recover(self, lost: int, now: float) -> list[Command]:
        """Start a worker again, and begin the replay to it, or to all."""
        self.restarts[lost] += 1
        if self.restarts[lost] > MAX_RESTARTS:
            raise ShardLost(
                f"{self.names[lost]} died {self.restarts[lost]} times over one question. See whether an agent there "
                "runs out of memory, or take more shards, which are smaller."
            )
        self.roll_back([lost])  # it holds nothing but what counted
        behind, interrupted, _ = self.recovery or Recovery(frozenset(), {}, 0)
        interrupted = interrupted | {worker: one for worker, one in self.open.items() if worker not in behind}
        self.recovery = Recovery(behind | (frozenset(self.names) if self.together else {lost}), interrupted, 0)
        return [Restart(lost), *self._replay(now)]

    def _replay(self, now: float) -> list[Command]:
        """Send the next entry of the log that concerns a worker that is behind; at the end, what was interrupted."""
        assert self.recovery is not None  # a recovery is in progress
        behind, interrupted, position = self.recovery
        for worker in behind:
            self.open.pop(worker, None)
            self.replies.pop(worker, None)
        while position < len(self.log):
            entry = self.log[position]
            position += 1
            if bodies := {worker: body for worker, body in entry.bodies.items() if worker in behind}:
                self.recovery = Recovery(behind, interrupted, position)
                return self.send(entry.kind, entry.round, bodies, now, all_needed=self.all_needed)
        self.recovery = None
        groups = _by_id({worker: one for worker, one in interrupted.items() if worker in behind})
        return [command for one in groups for command in self.send(*one, now, all_needed=self.all_needed)]


def _by_id(requests: Mapping[int, Envelope]) -> list[tuple[str, int, dict[int, Body]]]:
    """Kind, round and bodies of the requests that bore one id each: they are sent as one again."""
    groups: dict[int, dict[int, Envelope]] = {}
    for worker, request in requests.items():
        groups.setdefault(request.request_id, {})[worker] = request
    firsts = {number: next(iter(group.values())) for number, group in groups.items()}
    return [(one.kind, one.round, {w: r.body for w, r in groups[number].items()}) for number, one in firsts.items()]
