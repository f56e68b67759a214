"""Who lives an asynchronous run: a server's clients, pairs of peers, or peers with letter boxes."""

from __future__ import annotations

from typing import Any

from jax import Array

from accord.clocks import Clock, Pace
from accord.problems.agents import Agent
from accord.runtimes.asynchronous import Arrivals
from accord.runtimes.plan import Plan


def nobody_waits(plan: Plan, agents: Agent, key: Array) -> Arrivals:
    """The team of an asynchronous method, on the plan's clock; agents of one speed where it has none."""
    return Arrivals(
        plan.method, agents, plan.channel, plan.problem.regularizer, plan.weights, key, pace_of(plan), plan.cohort
    )


def pace_of(plan: Plan) -> Pace:
    """The clock of the plan's agents; one second of work each where it has none."""
    clock: Any = plan.clock or Clock()
    return clock.for_agents(plan.problem.K, plan.dtype)
