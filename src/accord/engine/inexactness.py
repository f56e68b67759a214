"""A test after a run whether agents' inner solvers reached their end: their answers are only as exact as that."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.linalg.fista import last_move
from accord.engine.planning.plan import Plan
from accord.engine.session import Outcome
from accord.errors import InexactWarning
from accord.problems.agent import Agent
from accord.problems.problem import stacked

MANY = 1000
"""Agents beyond which none is asked once more: it would cost as much as a round."""


ULPS_AT_REST = 1e3
"""Roundings that the last move of a solver at rest stays below."""


def warn_if_inexact(plan: Plan, outcome: Outcome) -> None:
    """FAULTS 19: warn, by the agent's name, where an inner solver does not come to rest at the answer.

    Losses with a closed form have no inner solver, and opaque agents answer for themselves.
    """
    problem, local = plan.problem, getattr(plan.method, "local", None)
    asked = {*plan.method.needs, *getattr(local, "needs", ())} & {"prox", "conjugate_grad", "best_response"}
    if not asked or problem.opaque or problem.K > MANY:
        return
    penalty = getattr(plan.method, "penalty", None)
    prices = np.zeros(0, plan.dtype) if outcome.prices is None else outcome.prices
    agents = stacked(problem, plan.shape, plan.scale)
    where = {"models": jnp.asarray(np.asarray(outcome.agents)), "prices": jnp.asarray(prices), "penalty": penalty}
    last = partial(_last_moves, **where, oracle=min(asked))
    if _has_formulas(last, agents):
        return
    moved = np.array(last(replace(agents, inner=last_move)))
    worst = int(np.argmax(np.where(np.isfinite(moved), moved, -1)))
    if moved[worst] > ULPS_AT_REST * np.finfo(plan.dtype).eps:
        warnings.warn(
            f"Agent {problem.names[worst]}'s inner solver stopped at its limit of steps, its answer still moving by "
            f"{moved[worst]:.1g} of itself a step: its answers are inexact, and the run with them. Bring its decisions "
            "to one scale, or give a loss with a closed form, or an Opaque agent with a solver of its own.",
            InexactWarning,
            stacklevel=4,
        )


def _has_formulas(oracle: Callable[[Agent], Any], agents: Agent) -> bool:
    """Return True where every answer is a formula: the inner solver is never called."""
    asked: list[bool] = []

    def noted(*question: Any) -> Array:
        asked.append(True)
        return question[1]

    jax.eval_shape(oracle, replace(agents, inner=noted))
    return not asked


@partial(jax.jit, static_argnames=("oracle",))
def _last_moves(agents: Agent, models: Array, prices: Array, penalty: Array | None, *, oracle: str) -> Array:
    """(K,) how far each agent's inner solver last moved when its oracle is asked once more, where the run ended."""

    def of(agent: Agent, x: Array) -> Array:
        if oracle == "best_response":
            asked = (prices,) if penalty is None else (prices, penalty, agent.share.apply(x))
            return agent.best_response(*asked)[0]
        if oracle == "conjugate_grad":
            return agent.conjugate_grad(agent.grad(x))[0]
        return agent.prox(x, 0.0 if penalty is None else penalty)[0]

    return jax.vmap(of, (agents.axes, 0))(agents, models)
