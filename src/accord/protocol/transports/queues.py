"""A transport in memory: one queue a party."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from accord.protocol.messages import Envelope

JOIN_TIMEOUT = 5.0
"""Seconds that workers have to end; one whose agent never answers is left behind."""


@dataclass(frozen=True)
class QueueTransport:
    """A link in memory: one queue a party."""

    own: int
    queues: dict[int, queue.SimpleQueue[Envelope]]
    threads: tuple[threading.Thread, ...] = ()  # where the host's workers live

    def send(self, to: int, envelope: Envelope) -> None:
        """Put it in the other's box."""
        self.queues[to].put(envelope)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """Take the next from one's own."""
        with suppress(queue.Empty):
            return self.queues[self.own].get(timeout=seconds)

    def restart(self, worker: int) -> None:
        """A thread does not die, but with this process."""

    def close(self) -> None:
        """Wait until the workers have ended: a program that ends while one is in XLA is aborted."""
        last = time.monotonic() + JOIN_TIMEOUT
        for thread in self.threads:
            thread.join(max(last - time.monotonic(), 0))
