"""What workers say to each other amid a round, over a link that may lose, repeat and reorder it."""

from __future__ import annotations

from typing import Any

import numpy as np

from accord.core import trees
from accord.errors import ShardLost
from accord.protocol.messages import HOST, LOST, Envelope, same
from accord.protocol.transport import Link

SAID, AGAIN = "said", "again"

AHEAD = 4
"""Words kept of each speaker before they are asked for; a neighbour can be one exchange ahead, and no further."""


class Dismissed(Exception):
    """The host ended the run, or is gone."""


class Recalled(Exception):
    """The host has asked something else in the meantime."""


class Words:
    """A worker's mailbox.

    A word is known by its speaker, the number of the question it was said under, round and phase: what comes twice
    counts once, what comes early waits, what is older is refused. In silence the speaker is asked to say it again.
    """

    def __init__(
        self, run: str, own: int, link: Link, audience: tuple[int, ...], speakers: tuple[int, ...], patience: float
    ) -> None:
        self.run, self.own, self.link = run, own, link
        self.audience, self.speakers, self.patience = audience, speakers, patience
        self.number = 0
        self.early: dict[tuple[int, int, int, int], Any] = {}
        self.spoken: dict[tuple[int, int, int, int], Envelope] = {}  # of the last exchanges, to be said again
        self.question: Envelope | None = None  # which came amid a round

    def begin(self, number: int) -> None:
        """Under a new question, nothing that was said under an earlier one counts any more."""
        self.number = number
        self.early = {key: body for key, body in self.early.items() if key[1] >= number}

    def exchange(self, t: int, phase: int, out: tuple[Any, ...]) -> tuple[Any, ...]:
        """Say to each other worker what it must hear, and hear what each says here, in the same shape."""
        for worker, word in zip(self.audience, out, strict=True):
            envelope = Envelope(self.run, self.own, SAID, self.number, t, phase, trees.leaves(word))
            self.spoken[worker, self.number, t, phase] = envelope
            self.link.send(worker, envelope)
        while len(self.spoken) > 2 * len(self.audience):  # whom they are for may be one exchange behind
            del self.spoken[next(iter(self.spoken))]
        return tuple(self._said_by(worker, t, phase) for worker in self.speakers)

    def next_question(self) -> Envelope:
        """The host's next, in a pause between rounds."""
        while self.question is None:
            self._take(self.link.receive())
        question, self.question = self.question, None
        return question

    def _said_by(self, worker: int, t: int, phase: int) -> tuple[np.ndarray, ...]:
        key = worker, self.number, t, phase
        while key not in self.early:
            envelope = self.link.receive(self.patience)
            if envelope is None:
                self.link.send(worker, Envelope(self.run, self.own, AGAIN, self.number, t, phase, ()))
            self._take(envelope)
            if self.question is not None:
                if self.question.number != self.number:
                    raise Recalled
                self.question = None  # the same again, which is being worked on
        return self.early.pop(key)

    def _take(self, envelope: Envelope | None) -> None:
        """Put an envelope where it belongs; what belongs nowhere is refused."""
        if envelope is not None and (envelope.sender, envelope.kind) == (HOST, LOST):
            raise Dismissed
        if envelope is None or envelope.run != self.run:
            return
        key = envelope.sender, envelope.number, envelope.round, envelope.phase
        if envelope.sender == HOST:
            self.question = envelope
        elif envelope.kind == AGAIN:
            if key in self.spoken:
                self.link.send(envelope.sender, self.spoken[key])
        elif envelope.kind == SAID and envelope.number >= self.number and envelope.sender in self.speakers:
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
