"""How long a host waits for its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accord.engine.planning.plan import Plan
from accord.errors import MethodError

LEAST = 60.0
"""Seconds that everybody is given at least for an answer that cannot be done without: the first is compiled."""


@dataclass(frozen=True)
class Patience:
    """`deadline` seconds a round for a `quorum` of the cohort; in silence a question is asked `again` after seconds."""

    deadline: float | None = None
    quorum: float = 0.5
    again: float = 5.0

    @property
    def limit(self) -> float | None:
        """Seconds after which who has not answered counts as dead, where everybody has to."""
        return None if self.deadline is None else max(10 * self.deadline, LEAST)

    def check(self, plan: Plan, runtime: Any) -> None:
        """Raise `MethodError` where the method cannot go on without everybody."""
        name = type(plan.method).__name__
        if self.deadline is None:
            return
        if not self.deadline > 0 or not 0 < self.quorum <= 1:
            raise MethodError(f"{runtime}: give a deadline in seconds, above 0, and a quorum in (0, 1].")
        if plan.pattern == "peers":
            raise MethodError(f"{name} has no server that could go on without a neighbour. Leave deadline out, or let "
                              "agents sleep in the network itself: network.sleep(p).")  # fmt: skip
        if not plan.method.partial:
            raise MethodError(f"{name} needs every agent's answer each round, so that nobody can be left behind. Leave "
                              "deadline out: whoever is slow is waited for, and whoever dies is replaced.")  # fmt: skip
        rule = plan.aggregate or plan.method.aggregate
        if hasattr(rule, "check"):
            rule.check(max(1, round(self.quorum * plan.cohort)))
