"""Being asked to stop: by Ctrl-C, or by SIGTERM, which schedulers send before they take a machine away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

REASONS = {signal.SIGINT: "was interrupted", signal.SIGTERM: "was told to end (SIGTERM)"}


@dataclass
class Asked:
    """Whether a run has been asked to stop, and then the reason that it gives."""

    reason: str | None = None


@contextmanager
def interruptible() -> Iterator[Asked]:
    """Ctrl-C and SIGTERM are noted, and read between blocks; a second one interrupts at once."""
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(number: int, _: object) -> None:
        if asked.reason:
            raise KeyboardInterrupt
        asked.reason = REASONS[signal.Signals(number)]

    before = {number: signal.signal(number, ask) for number in REASONS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not one of Python's


def exit_code(reason: str) -> int:
    """Of a program whose run ended so: 128 and the number of the signal that ended it, or 0.

    >>> exit_code("was interrupted"), exit_code("stopped at its limit of 20 rounds")
    (130, 0)
    """
    return next((128 + number for number, words in REASONS.items() if words == reason), 0)
