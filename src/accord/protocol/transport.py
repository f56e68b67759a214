"""How a worker and the world outside speak: envelopes of plain arrays, which to move is a link's only job."""

from __future__ import annotations

from typing import Protocol

from accord.protocol.messages import Envelope


class Transport(Protocol):
    """One party's end: envelopes in, envelopes out, no logic.

    It may lose, repeat, delay and reorder: whoever asks, asks again, and whoever is asked again does nothing twice.
    """

    def send(self, to: int, envelope: Envelope) -> None:
        """Move it, or lose it; never wait for the other party."""
        ...

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """The next envelope; None when there was none for so long. Of a party that is gone, one of kind `LOST`."""
        ...

    def close(self) -> None:
        """Let go of what moves the bytes."""
        ...


class Supervisor(Transport, Protocol):
    """The host's end, which also knows how to replace a worker that is gone."""

    def restart(self, worker: int) -> None:
        """Start the worker anew, knowing nothing of the run but its shard."""
        ...
