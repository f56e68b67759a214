"""Events and commands of the protocol's machines: `handle(event, now) -> commands`, without a clock or a socket."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from accord.protocol.messages import Body, Envelope


class Received(NamedTuple):
    """An envelope that has arrived."""

    envelope: Envelope


class Damaged(NamedTuple):
    """An envelope of a party that has arrived and cannot be read."""

    sender: int


class Lost(NamedTuple):
    """A party that cannot be reached any more."""

    sender: int


class Tick(NamedTuple):
    """Time that has passed without an arrival."""


class Exchanging(NamedTuple):
    """A computation that has messages for other workers, and continues with those it receives."""

    round: int
    exchange: int
    messages: tuple[Body, ...]  # one for each recipient, in their order


class Finished(NamedTuple):
    """A computation that has ended with the body of its reply."""

    body: Body


class Failed(NamedTuple):
    """A computation that has raised an exception: the agent's number, and the traceback."""

    body: Body


class Send(NamedTuple):
    """Hand an envelope to the transport, which may lose it."""

    to: int
    envelope: Envelope


class Restart(NamedTuple):
    """Start a worker again, without a state."""

    worker: int


class Compute(NamedTuple):
    """Begin the computation that a request asks for."""

    request: Envelope


class Continue(NamedTuple):
    """Continue the computation with the messages of the exchange, one of each sender, in their order."""

    messages: tuple[Body, ...]


class Abandon(NamedTuple):
    """Drop the computation: nothing of it is kept."""


class Close(NamedTuple):
    """End this party: the run is over."""


Event = Received | Damaged | Lost | Tick | Exchanging | Finished | Failed
Command = Send | Restart | Compute | Continue | Abandon | Close

Computation = Generator[Exchanging, tuple[Body, ...], Body]
"""The work that a request asks for: it yields its messages, is sent those of others, and returns its reply's body."""
