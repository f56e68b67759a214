"""The mailbox of a worker for messages of other workers within a round, without a clock or a socket.

A message is known by its sender, the request it belongs to, round and exchange: what arrives twice counts once, what
arrives early is kept, what belongs to an older request is ignored. What does not arrive is asked for again.
"""

from __future__ import annotations

from typing import NamedTuple

from accord.errors import ShardLost
from accord.protocol.events import Send
from accord.protocol.messages import Body, Envelope, Kind, same

AHEAD = 4
"""Messages kept of each sender before they are needed: a neighbour can be one exchange ahead, and no further."""


class Contradiction(ShardLost):
    """Two different messages under one identity."""


class Key(NamedTuple):
    """The identity of a message, with its sender or its recipient."""

    worker: int
    request_id: int
    round: int
    exchange: int


class PeerExchange:
    """The messages that arrived early, and the last that were sent, by `Key`."""

    def __init__(self, run: str, own: int, recipients: tuple[int, ...], senders: tuple[int, ...]) -> None:
        self.run, self.own, self.recipients, self.senders = run, own, recipients, senders
        self.request_id = 0
        self.expected: tuple[int, int] | None = None  # round and exchange under way
        self.early: dict[Key, Body] = {}
        self.sent: dict[Key, Envelope] = {}

    def begin(self, request_id: int) -> None:
        """Enter a new request: messages of earlier ones do not count any more."""
        self.request_id, self.expected = request_id, None
        self.early = {key: body for key, body in self.early.items() if key.request_id >= request_id}

    def post(self, round: int, exchange: int, messages: tuple[Body, ...]) -> list[Send]:
        """Send one message to each recipient, and expect one of each sender."""
        self.expected = round, exchange
        commands: list[Send] = []
        for worker, body in zip(self.recipients, messages, strict=True):
            envelope = Envelope(self.run, self.own, Kind.PEER, self.request_id, round, exchange, body)
            self.sent[Key(worker, self.request_id, round, exchange)] = envelope
            commands.append(Send(worker, envelope))
        while len(self.sent) > 2 * len(self.recipients):  # a recipient may be one exchange behind
            del self.sent[next(iter(self.sent))]
        return commands

    @property
    def missing(self) -> list[int]:
        """The senders whose message of the exchange under way has not arrived."""
        return [] if self.expected is None else [one for one in self.senders if self._key(one) not in self.early]

    @property
    def complete(self) -> bool:
        """True when all messages of the exchange under way have arrived."""
        return self.expected is not None and not self.missing

    def take(self) -> tuple[Body, ...]:
        """End the exchange with its messages, one of each sender, in their order."""
        received = tuple(self.early.pop(self._key(worker)) for worker in self.senders)
        self.expected = None
        return received

    def ask_again(self) -> list[Send]:
        """Ask the senders whose message has not arrived to send it again."""
        return [Send(w, Envelope(self.run, self.own, Kind.RESEND, *self._key(w)[1:], ())) for w in self.missing]

    def receive(self, envelope: Envelope) -> list[Send]:
        """Keep a message of a sender, or send one again; what is neither is ignored. Raises `Contradiction`."""
        key = Key(envelope.sender, envelope.request_id, envelope.round, envelope.exchange)
        if envelope.kind == Kind.RESEND and key in self.sent:
            return [Send(envelope.sender, self.sent[key])]
        if envelope.kind == Kind.PEER and key.request_id >= self.request_id and key.worker in self.senders:
            self._keep(key, envelope.body)
        return []

    def _key(self, worker: int) -> Key:
        assert self.expected is not None  # an exchange is under way
        return Key(worker, self.request_id, *self.expected)

    def _keep(self, key: Key, body: Body) -> None:
        if key not in self.early:
            if sum(known.worker == key.worker for known in self.early) < AHEAD:
                self.early[key] = body
        elif not same(self.early[key], body):
            raise Contradiction(
                f"Worker {key.worker} has sent two different messages in round {key.round}, exchange {key.exchange}. "
                "Its agents do not answer alike when asked again: fix what is random in them by a seed."
            )
