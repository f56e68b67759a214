"""The loop of a run or of many: blocks of rounds until none goes on, and the limits that are looked at between them."""

from __future__ import annotations

import time
from typing import Protocol

from accord.core.interrupts import StopRequest
from accord.core.status import Ending, Status
from accord.core.stopping import Stop

SHORT = 0.25  # seconds: a block that takes less is doubled, so that the host's share of the time is negligible
LONGEST = 256  # records of a block


class Blocks(Protocol):
    """A run, or several side by side, that advance a block at a time."""

    @property
    def round(self) -> int:
        """The rounds done."""
        ...

    @property
    def going(self) -> bool:
        """True while the stop test has ended none, or not all."""
        ...

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        ...

    @property
    def measured(self) -> bool:
        """True where the host measures at every record, which then is a block of its own."""
        ...

    def advance(self, records: int, every: int) -> None:
        """Record, then do `every` rounds, `records` times."""
        ...

    def between_blocks(self, *, last: bool) -> None:
        """Keep what is to outlive the program; `last` where a limit ends the run here."""
        ...


def run(blocks: Blocks, stop: Stop, every: int, asked: StopRequest) -> Ending | None:
    """Advance until the stop test ends it, or a limit, which is returned."""
    ending, length = None, 1
    while ending is None and blocks.going:
        left, before = stop.rounds - blocks.round, time.monotonic()
        blocks.advance(*((min(length, left // every), every) if left >= every else (1, left)))
        if not blocks.measured and time.monotonic() - before < SHORT:
            length = min(2 * length, LONGEST)
        ending = _limit(stop, left < every or blocks.round >= stop.rounds, blocks.spent, asked)
        if blocks.going:
            blocks.between_blocks(last=ending is not None)
    return ending


def _limit(stop: Stop, done: bool, spent: float, asked: StopRequest) -> Ending | None:
    if done:
        return Ending(Status.ROUND_LIMIT, limit=stop.rounds)
    if stop.seconds is not None and spent >= stop.seconds:
        return Ending(Status.TIME_LIMIT, limit=stop.seconds)
    return None if asked.status is None else Ending(asked.status)
