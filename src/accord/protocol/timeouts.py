"""How long a host waits for its workers."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_FAILURE_TIMEOUT = 60.0
"""Seconds that everybody is given at least for an answer that cannot be done without: the first is compiled."""


@dataclass(frozen=True)
class Timeouts:
    """`deadline` seconds a round for a `quorum` of the cohort; in silence a question is asked `again` after seconds."""

    deadline: float | None = None
    quorum: float = 0.5
    retry_interval: float = 5.0

    @property
    def failure_timeout(self) -> float | None:
        """Seconds after which who has not answered counts as dead, where everybody has to."""
        return None if self.deadline is None else max(10 * self.deadline, LEAST_FAILURE_TIMEOUT)
