"""The choice of an asynchronous engine: a server's clients, pairs of peers, or peers with mailboxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jax import Array

from accord.clocks import Clock, Pace
from accord.engine.events.edges import AsyncEdges
from accord.engine.events.pairs import PairwiseGossip
from accord.engine.events.server import AsyncServer
from accord.engine.planning.partial_work import check_parts
from accord.engine.planning.plan import Plan
from accord.engine.rounds.edges import neighbourhood, places_back
from accord.networks.faults import NO_FAULTS
from accord.problems.agent import Agent


def asynchronous_engine(plan: Plan, agents: Agent, key: Array) -> AsyncServer | PairwiseGossip | AsyncEdges:
    """The team of an asynchronous method, on the plan's clock; agents of one speed where it has none."""
    told = (plan.channel, plan.problem.regularizer, plan.weights, key, plan.x0, clock_model(plan))
    if plan.pattern == "server":
        return AsyncServer(plan.method, agents, *told, plan.cohort)
    neighbours, present = neighbourhood(plan)
    if hasattr(plan.method, "messages"):
        return AsyncEdges(plan.method, agents, neighbours, present, places_back(neighbours, present), *told)
    return PairwiseGossip(plan.method, agents, neighbours, present.sum(1).astype(np.int32), *told)


def clock_model(plan: Plan) -> Pace:
    """The clock of the plan's agents, one second of work each where it has none; what the network loses is lost too.

    Raises `ClockError` where it is of other agents, and `MethodError` where they could not break off their work.
    """
    clock, faults = plan.clock or Clock(), getattr(plan.network, "faults", NO_FAULTS)
    if plan.method.asynchronous:
        clock = replace(clock, lose=1 - (1 - np.asarray(clock.lose)) * (1 - faults.lose))
    pace = clock.for_agents(plan.problem.K, plan.dtype)
    check_parts(plan, pace.complete)
    return pace
