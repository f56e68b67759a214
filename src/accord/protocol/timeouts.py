"""The time that a coordinator waits for its workers."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_FAILURE_TIMEOUT = 60.0
"""Seconds at least for a reply that cannot be done without: the first is compiled."""


@dataclass(frozen=True)
class Timeouts:
    """`deadline` seconds a round for a `quorum` of the cohort; `retry_interval` seconds to a request sent again."""

    deadline: float | None = None
    quorum: float = 0.5
    retry_interval: float = 5.0

    @property
    def failure_timeout(self) -> float | None:
        """Seconds after which a worker without a reply counts as lost, where all have to reply."""
        return None if self.deadline is None else max(10 * self.deadline, LEAST_FAILURE_TIMEOUT)
