"""Messages of the protocol: envelopes of plain arrays, which to move is a transport's only job."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

COORDINATOR = -1
"""The address of the host; workers are 0, 1, 2, ..."""


LOST, FAILED = "lost", "failed"
"""What a link says of a party that it can no longer reach; what a worker says that could not answer."""


class Envelope(NamedTuple):
    """One message between two parties of a run: `run` and `number` tell it from what was said at any other time."""

    run: str
    sender: int
    kind: str  # what is asked or answered
    request_id: (
        int  # of the question, which its answer bears too, and what workers say to each other while they work on it
    )
    round: int
    exchange: int
    body: tuple[Any, ...]  # NumPy arrays, numbers and words: no types of anybody's own


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two bodies are, bit for bit.

    >>> same((np.array([1.0, np.nan]), 3), (np.array([1.0, np.nan]), 3)), same((np.zeros(1),), (-np.zeros(1),))
    (True, False)
    """
    parts = zip(one, other, strict=True) if len(one) == len(other) else [(0, 1)]
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in parts)
