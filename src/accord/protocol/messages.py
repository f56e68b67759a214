"""Messages between the parties of a run: envelopes of plain arrays, and the closed set of their kinds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

COORDINATOR = -1
"""The address of the coordinator; workers are 0, 1, 2, ..."""

Body = tuple[Any, ...]  # NumPy arrays, numbers and words: no type of anyone's own


class Kind(StrEnum):
    """All kinds of message: what bears another word is refused where it is decoded, and nothing is looked up by it."""

    START = "start"  # every agent at x0
    RESTORE = "restore"  # go on from a snapshot
    ROLLBACK = "rollback"  # the change that a request made is taken back
    RESPOND = "respond"  # clients answer a broadcast
    ADVANCE = "advance"  # rounds among peers
    ACTIVATE = "activate"  # agents act on the messages that they have received
    SNAPSHOT = "snapshot"  # all that is held
    MODELS = "models"
    PRICES = "prices"
    LOSSES = "losses"
    OWN_LOSSES = "own_losses"
    CENTRE = "centre"
    MEASURE = "measure"
    TERMS = "terms"
    REACH = "reach"
    SHUTDOWN = "shutdown"  # the run is over
    PEER = "peer"  # a message from one worker to another, within a round
    RESEND = "resend"  # the request for such a message that did not arrive
    FAILED = "failed"  # a reply: the computation raised an exception
    LOST = "lost"  # from the transport itself: the sender cannot be reached any more
    DAMAGED = "damaged"  # from the transport itself: something of the sender's arrived that cannot be read
    UNREADABLE = "unreadable"  # over a connection: something from the coordinator could not be read
    ADDRESSES = "addresses"  # over a connection: where all workers listen


BEGINNINGS = frozenset({Kind.START, Kind.RESTORE})
"""The requests that a worker without a state accepts: any other was meant for its predecessor."""


class Envelope(NamedTuple):
    """One message of a run: `run` and `request_id` tell it from all that was sent at any other time."""

    run: str
    sender: int
    kind: str
    request_id: int  # of a request; its reply bears it too, and so do messages of peers while they work on it
    round: int
    exchange: int
    body: Body


def same(one: Body, other: Body) -> bool:
    """Compare two bodies bit for bit.

    >>> same((np.array([1.0, np.nan]), 3), (np.array([1.0, np.nan]), 3)), same((np.zeros(1),), (-np.zeros(1),))
    (True, False)
    """
    parts = zip(one, other, strict=True) if len(one) == len(other) else [(0, 1)]
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in parts)
