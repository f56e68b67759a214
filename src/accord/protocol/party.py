"""The worker's half of the protocol: each request is executed once, without a clock or a socket.

A request is known by its id. Received again, it is answered with the same reply; an older one is ignored. A newer one
that arrives during an exchange with other workers means that all go back: the computation is dropped, and nothing of it
is kept. A worker without a state accepts only a beginning (`BEGINNINGS`): another request was for its predecessor.
"""

from __future__ import annotations

import math

from accord.protocol.events import (
    Abandon,
    Close,
    Command,
    Compute,
    Continue,
    Damaged,
    Event,
    Exchanging,
    Failed,
    Finished,
    Lost,
    Received,
    Send,
    Tick,
)
from accord.protocol.messages import BEGINNINGS, COORDINATOR, Body, Envelope, Kind
from accord.protocol.peer_exchange import PeerExchange


class Party:
    """A worker's machine: the request at work, the last reply, and the mailbox of the exchange under way.

    - `exchange`: with other workers. `retry_interval`: seconds after which a message that is missing is asked for.
    """

    def __init__(self, exchange: PeerExchange, retry_interval: float) -> None:
        self.run, self.own, self.exchange, self.retry_interval = exchange.run, exchange.own, exchange, retry_interval
        self.blank = True  # no state yet
        self.working: Envelope | None = None
        self.replied: Envelope | None = None
        self.wake_at = math.inf  # when a `Tick` is due

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event; the commands that follow from it. Raises `Contradiction`."""
        match event:
            case Received(envelope) if envelope.run == self.run:
                return self._receive(envelope)
            case Lost(sender) if sender == COORDINATOR:
                return [Close()]
            case Damaged(sender) if sender != COORDINATOR:
                return [*self.exchange.ask_again()]
            case Tick() if now >= self.wake_at:
                self.wake_at = now + self.retry_interval
                return [*self.exchange.ask_again()]
            case Exchanging(round, exchange, messages):
                self.wake_at = now + self.retry_interval
                return [*self.exchange.post(round, exchange, messages), *self._continue()]
            case Finished(body) | Failed(body):
                return self._reply(event, body)
            case _:
                return []

    def _receive(self, envelope: Envelope) -> list[Command]:
        if envelope.sender == COORDINATOR:
            return self._request(envelope)
        return [*self.exchange.receive(envelope), *self._continue()]

    def _continue(self) -> list[Command]:
        if not self.exchange.complete:
            return []
        self.wake_at = math.inf
        return [Continue(self.exchange.take())]

    def _request(self, request: Envelope) -> list[Command]:
        if request.kind == Kind.SHUTDOWN:
            return [Close()]
        latest = self.working or self.replied
        if latest is not None and request.request_id <= latest.request_id:
            repeated = latest is self.replied and request.request_id == latest.request_id
            return [Send(COORDINATOR, latest)] if repeated else []
        if self.blank and request.kind not in BEGINNINGS:
            return []
        abandoned: list[Command] = [Abandon()] if self.working else []
        self.working, self.wake_at = request, math.inf
        self.exchange.begin(request.request_id)
        return [*abandoned, Compute(request)]

    def _reply(self, event: Finished | Failed, body: Body) -> list[Command]:
        """Reply to the request at work; a failure is a reply like any other, and is sent again like any other."""
        failed, request = isinstance(event, Failed), self.working
        self.working, self.wake_at = None, math.inf
        self.blank &= failed
        number = request.request_id if request is not None else self.exchange.request_id
        kind = Kind.FAILED if failed or request is None else request.kind
        self.replied = Envelope(self.run, self.own, kind, number, 0, 0, body)
        return [Send(COORDINATOR, self.replied)]
