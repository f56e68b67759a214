"""Caps on losses: whether a run met them, and the least that any model could meet."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from accord.core.status import Ending, Status
from accord.core.stopping import Stop
from accord.engine.planning.build import build_plan
from accord.engine.planning.plan import Plan
from accord.engine.planning.request import RunRequest
from accord.methods import AgnosticMinimax
from accord.problems.problem import Problem
from accord.runtimes.vectorised import Vectorised

MET = 1e-3  # of the size of a cap, by which a loss may still exceed it
ROUNDS = 20_000  # of the minimax, at most
SETTLED = 1e-9  # of the largest loss, by which it may still move over its last quarter


class Least(NamedTuple):
    """The least that every loss can be kept at or below."""

    excess: float  # min_x max_k (f_k(x) − c_k): how much every cap has to be raised, or could be lowered
    losses: np.ndarray  # f_k there
    x: np.ndarray  # the model, flat
    settled: bool  # whether the search came to rest


def least_excess(problem: Problem, caps: Any = 0.0, x0: Any = None) -> Least:
    """min_x max_k (f_k(x) − c_k) over the agents of positive weight, by `AgnosticMinimax`: gradients and losses only.

    - `caps`: c, one for all or one an agent; infinite for none.

    >>> import accord
    >>> found = least_excess(accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0]))
    >>> round(found.excess, 6)
    1.125
    """
    method = AgnosticMinimax(allowance=np.broadcast_to(np.asarray(caps, float), problem.K))
    stop = Stop(rounds=ROUNDS, progress=0)
    plan, _ = build_plan(RunRequest(problem=problem, method=method, x0=x0, stop=stop, record=ROUNDS))
    with jax.enable_x64(plan.dtype == np.float64):
        session, active, before = Vectorised().start(plan), problem.weights > 0, np.inf
        for rounds in (500, 1500, 3000, 15_000):
            session.advance(1, rounds)
            found = session.outcome()
            excess = float(np.max(np.asarray(found.losses, float)[active] - np.broadcast_to(caps, problem.K)[active]))
            if settled := abs(before - excess) <= SETTLED * np.abs(found.losses).max():
                break
            before = excess
    return Least(excess, np.asarray(found.losses, float), np.asarray(found.x), settled)


def _size(plan: Plan, cap: float) -> float:
    """The size of a cap, in the units of the losses; of one that is 0, the largest loss at x0."""
    return abs(cap) or float(np.abs(Vectorised().start(plan).outcome().losses).max())


def unmet_caps(plan: Plan, losses: np.ndarray) -> Ending | None:
    """Return what keeps a run under caps from having met them; None where it has, or knows none."""
    caps = getattr(plan.method, "cap", None)
    if caps is None or plan.problem.opaque or plan.problem.stored:
        return None
    caps = np.broadcast_to(np.asarray(caps, float), plan.problem.K)
    over = np.where((plan.problem.weights > 0) & np.isfinite(caps), losses - caps, -np.inf)
    k = int(over.argmax())
    if over[k] <= 0 or not np.isfinite(losses).all() or over[k] <= (margin := MET * _size(plan, float(caps[k]))):
        return None
    name, many = plan.problem.names[k], len(set(caps.tolist())) > 1
    least = least_excess(plan.problem, caps, plan.shape.unflatten(plan.x0))
    if not least.settled or least.excess <= margin:
        return Ending(
            Status.CAPS_UNMET,
            note=f"ended before the caps were met: agent {name} still loses {losses[k]:.5g}, "
            f"more than {caps[k]:.5g}. Give it more rounds",
        )
    remedy = (
        f"every cap would have to be raised by {least.excess:.4g}"
        if many
        else f"the least possible cap is {caps[k] + least.excess:.6g}"
    )
    note = f"cannot meet its caps: no model keeps every agent's loss at or below them; {remedy}"
    return Ending(Status.CAPS_IMPOSSIBLE, note=note)
