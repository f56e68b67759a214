"""Completeness: agents that answer before their local steps are done, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.clocks import Times
from accord.engine.planning.plan import Plan
from accord.errors import MethodError
from accord.problems.agent import Agent
from accord.problems.data.rows import Rows
from accord.problems.problem import Problem

LIKELY = (2 * np.arange(100) + 1) / 100 - 1
"""Draws from −1 to 1, all alike likely: how far a share is from its mean, in spreads."""


def part_done(method: Any, agents: Agent) -> Array | None:
    """Return the part of its local steps that an agent takes, or each in a stack; None where they take all of them.

    >>> import accord
    >>> def agent(complete):
    ...     return Agent(lambda x, row: 0.0, None, Rows(np.zeros(1), np.int32(1)), 1.0, complete=complete)
    >>> method = accord.FedAvg(accord.GradientDescent(steps=10))
    >>> [float(part_done(method, agent(share))) for share in (1.0, 0.37, 0.01)]
    [1.0, 0.4, 0.1]
    """
    if agents.complete is None:
        return None
    share = jnp.asarray(agents.complete)
    taken, whole = method.local.count(agents), method.local.count(replace(agents, complete=None))
    return jnp.broadcast_to(jnp.asarray(taken, share.dtype) / jnp.asarray(whole, share.dtype), share.shape)


@dataclass(frozen=True)
class PartialWork:
    """Local work of which a part gets done, as far as counting gradients goes."""

    local: Any
    part: float

    def work(self, size: float) -> float:
        """Gradients of the whole shard that it costs an agent with `size` examples."""
        return self.part * self.local.work(size)


def works(plan: Plan) -> list[Callable[[float], float]] | None:
    """Return each agent's cost of a round by its number of examples, the mean over shares; None where all is done."""
    complete = None if plan.clock is None else plan.clock.for_agents(plan.problem.K, plan.dtype).complete
    if complete is None:
        return None
    shares = complete.mean + complete.spread * LIKELY[:, None].astype(plan.dtype)
    parts = np.asarray(part_done(plan.method, _crowd(plan.problem, shares))).mean(0)
    return [replace(plan.method, local=PartialWork(plan.method.local, float(part))).work for part in parts]


def check_parts(plan: Plan, complete: Times | None) -> None:
    """Refuse a clock that lets agents break off what cannot be broken off, or not without bending the answer."""
    if complete is None:
        return
    method, name = plan.method, type(plan.method).__name__
    if not hasattr(method, "local"):
        raise MethodError(
            f"{name} takes no local steps that can be counted, of which agents could get a part done. "
            "Leave complete out of the clock, or use a method with local work, such as "
            "FedNova or SCAFFOLD."
        )
    if not hasattr(method.local, "count"):
        raise MethodError(
            f"{name} has local={type(method.local).__name__}, which takes no steps that can be counted: "
            "agents could not get a part of them done. Give it local=accord.GradientDescent(steps=...) "
            "or accord.SGD(...), or leave complete out of the clock."
        )
    check_even(method, plan.problem, complete)


def check_even(method: Any, problem: Problem, complete: Times | None = None) -> None:
    """Refuse uneven local work where a method is right only if all agents take as many steps."""
    if not method.even:
        return
    counts = np.asarray(method.local.count(_crowd(problem, None if complete is None else complete.mean)))
    if complete is not None and np.any(complete.spread):
        found = "the clock draws anew in each round how many each gets done"
    elif np.ptp(counts):
        fewest, most = int(np.argmin(counts)), int(np.argmax(counts))
        found = f"agent {fewest} takes {counts[fewest]} and agent {most} takes {counts[most]}"
    else:
        return
    raise MethodError(
        f"{type(method).__name__} is right only where all agents take equally many local steps, but "
        f"{found}: it would converge to a wrong answer. Use KGT, or as many steps for all."
    )


def _crowd(problem: Problem, complete: Any) -> Agent:
    """Stack all agents, as far as counting their steps goes."""
    rows = Rows(np.zeros(max(problem.sizes.max(), 1)), problem.sizes.astype(np.int32))
    return Agent(problem.loss, None, rows, np.ones(problem.K), complete=complete)
