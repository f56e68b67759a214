"""What workers say to each other amid a round, over a link that may lose, repeat and reorder it."""

from __future__ import annotations

from typing import Any

import numpy as np

from accord.core import trees
from accord.errors import ShardLost
from accord.protocol.messages import COORDINATOR, LOST, Envelope, same
from accord.protocol.transport import Transport

SENT, RESEND = "said", "again"

AHEAD = 4
"""Words kept of each speaker before they are asked for; a neighbour can be one exchange ahead, and no further."""


class Shutdown(Exception):
    """The host ended the run, or is gone."""


class Superseded(Exception):
    """The host has asked something else in the meantime."""


class PeerExchange:
    """A worker's mailbox.

    A word is known by its speaker, the number of the question it was said under, round and phase: what comes twice
    counts once, what comes early waits, what is older is refused. In silence the speaker is asked to say it again.
    """

    def __init__(
        self,
        run: str,
        own: int,
        transport: Transport,
        recipients: tuple[int, ...],
        senders: tuple[int, ...],
        retry_interval: float,
    ) -> None:
        self.run, self.own, self.transport = run, own, transport
        self.recipients, self.senders, self.retry_interval = recipients, senders, retry_interval
        self.request_id = 0
        self.early: dict[tuple[int, int, int, int], Any] = {}
        self.sent: dict[tuple[int, int, int, int], Envelope] = {}  # of the last exchanges, to be said again
        self.question: Envelope | None = None  # which came amid a round

    def begin(self, number: int) -> None:
        """Under a new question, nothing that was said under an earlier one counts any more."""
        self.request_id = number
        self.early = {key: body for key, body in self.early.items() if key[1] >= number}

    def exchange(self, t: int, phase: int, out: tuple[Any, ...]) -> tuple[Any, ...]:
        """Say to each other worker what it must hear, and hear what each says here, in the same shape."""
        for worker, word in zip(self.recipients, out, strict=True):
            envelope = Envelope(self.run, self.own, SENT, self.request_id, t, phase, trees.host_leaves(word))
            self.sent[worker, self.request_id, t, phase] = envelope
            self.transport.send(worker, envelope)
        while len(self.sent) > 2 * len(self.recipients):  # whom they are for may be one exchange behind
            del self.sent[next(iter(self.sent))]
        return tuple(self._received_from(worker, t, phase) for worker in self.senders)

    def next_question(self) -> Envelope:
        """The host's next, in a pause between rounds."""
        while self.question is None:
            self._take(self.transport.receive())
        question, self.question = self.question, None
        return question

    def _received_from(self, worker: int, t: int, phase: int) -> tuple[np.ndarray, ...]:
        key = worker, self.request_id, t, phase
        while key not in self.early:
            envelope = self.transport.receive(self.retry_interval)
            if envelope is None:
                self.transport.send(worker, Envelope(self.run, self.own, RESEND, self.request_id, t, phase, ()))
            self._take(envelope)
            if self.question is not None:
                if self.question.request_id != self.request_id:
                    raise Superseded
                self.question = None  # the same again, which is being worked on
        return self.early.pop(key)

    def _take(self, envelope: Envelope | None) -> None:
        """Put an envelope where it belongs; what belongs nowhere is refused."""
        if envelope is not None and (envelope.sender, envelope.kind) == (COORDINATOR, LOST):
            raise Shutdown
        if envelope is None or envelope.run != self.run:
            return
        key = envelope.sender, envelope.request_id, envelope.round, envelope.exchange
        if envelope.sender == COORDINATOR:
            self.question = envelope
        elif envelope.kind == RESEND:
            if key in self.sent:
                self.transport.send(envelope.sender, self.sent[key])
        elif envelope.kind == SENT and envelope.request_id >= self.request_id and envelope.sender in self.senders:
            self._keep(key, envelope.body)

    def _keep(self, key: tuple[int, int, int, int], body: tuple[np.ndarray, ...]) -> None:
        if key not in self.early:
            if sum(known[0] == key[0] for known in self.early) < AHEAD:
                self.early[key] = body
        elif not same(self.early[key], body):
            raise ShardLost(
                f"Worker {key[0]} has said two different things in round {key[2]}, phase {key[3]}: its agents do not "
                "answer alike when asked again. Fix what is random in them by a seed."
            )
