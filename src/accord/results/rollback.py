"""Back to the last state whose numbers are all finite, and who left it first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.core.status import Status
from accord.core.stop_monitor import GOING
from accord.engine.planning.plan import Plan
from accord.engine.session import Outcome, Record, Session
from accord.problems.problem import stacked
from accord.runtimes.workers.async_peers import AsyncPeersSession
from accord.runtimes.workers.async_server import AsyncServerSession

RECORDS = 256
"""The largest number of records in a block on the way back."""

NAMED = 3
"""Agents that are named; of more only the number is given."""


class Fallen(NamedTuple):
    """The last point of a run with all numbers finite, and why the run left it."""

    outcome: Outcome
    record: Record
    round: int
    note: str


def fallen_back(
    start: Callable[[Plan], Session], plan: Plan, records: Sequence[Mapping[str, float]], rounds: int
) -> Fallen | None:
    """FAULTS 62: the run once more, as far as all its numbers are finite, and whose are not in the next round.

    Its seed fixes a run, so nothing has to be kept in all those that end well. None where that is not so: in workers
    in asynchronous runs, whose order is the engine's own.

    - `start`: of the runtime. `records`: of the run that ended. `rounds`: how many it lived.
    """
    finite = [row["round"] for row in records if all(map(math.isfinite, (row["objective"], row["disagreement"])))]
    calm = replace(plan, stop=replace(plan.stop, progress=0, window=2**30))
    with closing(start(calm)) as session:
        if isinstance(session, AsyncServerSession | AsyncPeersSession):
            return None
        _forward(session, int(max(finite, default=0)), plan.every)
        record = session.advance(1, 0)
        if session.verdict == Status.NOT_FINITE.number:  # x0 itself, where F has no value
            standing = session.outcome()
            return Fallen(standing, record, session.round, _sentence(plan, standing, None, session.round))
        while session.round < rounds:
            state, held = session.state(), session.round
            session.advance(1, 1)
            after = session.advance(1, 0)
            if session.verdict != GOING:
                beyond = session.outcome()
                session.restore(state, held)
                standing = session.outcome()
                return Fallen(standing, record, held, _sentence(plan, beyond, standing, held))
            record = after
    return None


def _forward(session: Session, until: int, every: int) -> None:
    """Go on to a round, with as few records as the run had."""
    while session.round < until and session.verdict == GOING:
        left = until - session.round
        session.advance(min(left // every, RECORDS), every) if left >= every else session.advance(1, left)


def _sentence(plan: Plan, beyond: Outcome, standing: Outcome | None, held: int) -> str:
    if standing is None:
        whose = _whose(plan, beyond, None)
        return f"diverged: at x0 {whose} not finite. Start where every agent's loss has a value and a gradient"
    return (
        f"diverged: in round {held + 1} {_whose(plan, beyond, standing)} no longer finite. What is returned is of "
        f"round {held}, the last whose numbers all are. Take a shorter step, or see what is computed there"
    )


def _whose(plan: Plan, beyond: Outcome, standing: Outcome | None) -> str:
    """Name what is not finite, and of whom: models of few; else the gradients before, which cause it; or losses."""
    K = plan.problem.K
    models = [_broken(list(one.agents)) for one in (standing, beyond) if one is not None]
    for word, who in (
        *(("model", who) for who in models if len(who) < K),
        ("gradient", [] if standing is None else _broken(_gradients(plan, standing))),
        ("loss", [] if models[-1] else _broken(np.asarray(beyond.losses)[:, None])),
        ("model", models[-1]),
    ):
        if who:
            return f"the {word} of {_names(plan, who)} is"
    return "the objective is"


def _gradients(plan: Plan, standing: Outcome) -> Any:
    """(K, d), of all agents where they are; none of agents who are not in memory."""
    if plan.problem.opaque or plan.problem.stored:
        return []
    agents = stacked(plan.problem, plan.shape, np.ones(plan.problem.K, plan.dtype))
    own = standing.agents if plan.pattern == "peers" or plan.coupled else [standing.x] * plan.problem.K
    return jax.jit(jax.vmap(lambda agent, x: agent.grad(x), (agents.axes, 0)))(agents, np.asarray(list(own)))


def _broken(values: Any) -> list[int]:
    return np.flatnonzero(~np.isfinite(np.asarray(values)).all(1)).tolist() if len(values) else []


def _names(plan: Plan, who: list[int]) -> str:
    panel = plan.problem.panel
    names = [plan.problem.names[k if len(panel) == plan.problem.K else panel[k]] for k in who]
    if len(names) == 1:
        return f"agent {names[0]}"
    if len(names) <= NAMED:
        return f"agents {', '.join(names[:-1])} and {names[-1]}"
    return f"{len(names)} agents"
