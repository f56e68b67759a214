"""How a worker and the world outside speak: envelopes of plain arrays, which to move is a link's only job."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

HOST = -1
"""The address of the host; workers are 0, 1, 2, ..."""


class Envelope(NamedTuple):
    """One message between two parties of a run."""

    sender: int
    kind: str  # what is asked or answered
    round: int
    phase: int
    body: Any  # a pytree of NumPy arrays, numbers and words


class Link(Protocol):
    """One party's end: bytes in, bytes out, no logic. Delivered once and in order between two parties."""

    def send(self, to: int, envelope: Envelope) -> None:
        """Move it, or keep trying."""
        ...

    def receive(self) -> Envelope:
        """The next envelope; blocks."""
        ...
