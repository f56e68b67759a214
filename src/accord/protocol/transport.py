"""A party's end of a link: it moves envelopes, and has no logic of the protocol."""

from __future__ import annotations

from typing import Protocol

from accord.protocol.messages import Envelope


class Transport(Protocol):
    """One party's end: envelopes in, envelopes out.

    It may lose, repeat, delay and reorder: a request that is not answered is sent again, and one that arrives again
    changes nothing twice.
    """

    def send(self, to: int, envelope: Envelope) -> None:
        """Move it, or lose it; never wait for the other party."""
        ...

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """The next envelope, or None where none arrives in so many seconds.

        One of kind `LOST` where its sender cannot be reached any more, `DAMAGED` where what it sent cannot be read.
        """
        ...

    def close(self) -> None:
        """Release what moves the bytes."""
        ...


class Supervisor(Transport, Protocol):
    """The coordinator's end, which can also start a worker again."""

    def restart(self, worker: int) -> None:
        """Start a worker again, without a state: with its assignment alone."""
        ...
