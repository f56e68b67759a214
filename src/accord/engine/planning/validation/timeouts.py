"""The requirements on a plan with a deadline: it must be able to continue without some of the agents."""

from __future__ import annotations

from typing import Any

from accord.engine.planning.plan import Plan
from accord.errors import MethodError
from accord.protocol.timeouts import Timeouts


def check_timeouts(timeouts: Timeouts, plan: Plan, runtime: Any) -> None:
    """Raise `MethodError` where the method cannot continue without all agents."""
    name = type(plan.method).__name__
    if timeouts.deadline is None:
        return
    if not timeouts.deadline > 0 or not 0 < timeouts.quorum <= 1:
        raise MethodError(f"{runtime}: give a deadline in seconds, above 0, and a quorum in (0, 1].")
    if plan.pattern == "peers":
        raise MethodError(
            f"{name} has no server that could go on without a neighbour. Leave deadline out, or let "
            "agents sleep in the network itself: network.sleep(p)."
        )
    if not plan.method.partial:
        raise MethodError(
            f"{name} needs every agent's answer each round, so that nobody can be left behind. Leave "
            "deadline out: whoever is slow is waited for, and whoever dies is replaced."
        )
    rule = plan.aggregate or plan.method.aggregate
    if hasattr(rule, "check"):
        rule.check(max(1, round(timeouts.quorum * plan.cohort)))
