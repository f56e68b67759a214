"""Requests to stop: by Ctrl-C, or by SIGTERM, which schedulers send before they take a machine away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from accord.core.status import Status

STATUSES = {signal.SIGINT: Status.INTERRUPTED, signal.SIGTERM: Status.TERMINATED}


@dataclass
class StopRequest:
    """A request to stop a run, and the status with which the run then ends."""

    status: Status | None = None


@dataclass(frozen=True)
class DeferredSignal:
    """The handler of SIGTERM once it has ended a run: the results so far are reported, and no run is begun."""

    before: Any  # the handler that the program had

    def __call__(self, number: int, frame: Any) -> None:
        """A second SIGTERM, while the results are reported: as the program would handle it."""
        self.deliver()

    def deliver(self) -> None:
        """Hand the signal on to the program: to its own handler, or else as `SystemExit(143)`."""
        signal.signal(signal.SIGTERM, self.before)
        if not callable(self.before):
            raise SystemExit(128 + signal.SIGTERM)
        self.before(signal.SIGTERM, None)


@contextmanager
def interruptible() -> Iterator[StopRequest]:
    """Ctrl-C and SIGTERM are noted, and read between blocks; a second one interrupts at once.

    A run that SIGTERM ends is still reported, since there is time for that. The signal itself is handed on to the
    program when it begins its next run: to the handler that the program had, or as `SystemExit(143)` where it had none.
    """
    asked = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    if isinstance(postponed := signal.getsignal(signal.SIGTERM), DeferredSignal):
        postponed.deliver()

    def ask(number: int, _: object) -> None:
        if asked.status:
            raise KeyboardInterrupt
        asked.status = STATUSES[signal.Signals(number)]

    before = {number: signal.signal(number, ask) for number in STATUSES}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            handler = signal.SIG_DFL if handler is None else handler  # None: not one of Python's
            told = number == signal.SIGTERM and asked.status is STATUSES[number] and handler != signal.SIG_IGN
            signal.signal(number, DeferredSignal(handler) if told else handler)
