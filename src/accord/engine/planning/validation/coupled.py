"""The check at the door, where agents share a constraint: whether a method bears it, and agents can answer prices."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.engine.planning.constants import curvature
from accord.engine.planning.plan import Plan
from accord.errors import MethodError, ProblemError
from accord.problems.agent import Agent
from accord.problems.coupling import Coupling
from accord.problems.problem import Problem, stacked
from accord.problems.recession import fall


def fits_coupling(method: Any, problem: Problem) -> None:
    """Refuse bounds that a method does not bear."""
    name, coupled = type(method).__name__, problem.coupling
    if coupled is None:
        return
    if "allocation" in method.needs:
        _allocable(name, coupled)


def _allocable(name: str, coupling: Coupling) -> None:
    bounded = np.isfinite(coupling.lower) | np.isfinite(coupling.upper)  # where there is a total, all are
    if coupling.A.shape[1:] != (1, 1) and bounded.any():
        k = int(np.argwhere(bounded)[0][0])
        raise MethodError(
            f"{name} allocates within bounds where decisions and constraint are single numbers, but "
            f"agent {k} has bounds on {bounded.shape[1]} decisions under {len(coupling.b)} "
            "constraints. Leave the bounds out, or use ExchangeADMM."
        )


def check_best_responses(plan: Plan) -> None:
    """FAULTS 18 and 20: an agent without a best response to the first price, or with more than one to some price."""
    problem, method, coupled = plan.problem, plan.method, plan.problem.coupling
    if coupled is None or problem.opaque:
        return
    if not hasattr(method, "penalty"):  # which gives curvature
        _answers_alone(plan, coupled)
    if falling := fall(problem):
        raise ProblemError(falling.sentence(problem.names))


def _answers_alone(plan: Plan, coupled: Coupling) -> None:
    """To prices, without a penalty."""
    problem, method = plan.problem, plan.method
    known = hasattr(problem.loss, "bounds")
    flat = np.flatnonzero(curvature(problem).mu <= 0) if known else np.arange(problem.K)
    if not len(flat):
        return
    price = coupled.market(plan.dtype).price
    lost_ones = np.flatnonzero(lost(stacked(problem, plan.shape, plan.scale), price))
    if len(lost_ones):
        raise ProblemError(
            f"Agent {problem.names[lost_ones[0]]} has no best response to the price 0: its cost falls "
            "without end. Give its decisions bounds, or use ExchangeADMM."
        )
    if adrift := [k for k in flat if known and _adrift(problem, coupled, int(k))]:
        raise ProblemError(
            f"Agent {problem.names[adrift[0]]}'s cost has flat parts along which its decisions have no "
            "bounds, so at some prices it has no best response. Give bounds, or use ADAL."
        )
    if known and method.convexity == "strong at every agent":
        warnings.warn(
            f"Agent {problem.names[flat[0]]}'s cost has flat parts, so its best response may jump for ever "
            f"while the prices of {type(method).__name__} settle. Use DualSubgradient, which averages.",
            stacklevel=5,
        )


def _adrift(problem: Problem, coupled: Coupling, k: int) -> bool:
    """Return True where a price can send agent k's decision beyond all bounds: a flat coordinate with an open end."""
    if not hasattr(problem.loss, "quadratic"):
        return False
    H = np.asarray(problem.loss.quadratic(problem.shards[k], np.ones(problem.sizes[k]))[0])
    flat = (np.diag(H) if H.ndim == 2 else H) <= 0
    shared = coupled.A[k] != 0 if coupled.A.ndim == 2 else coupled.A[k].any(0)
    return bool((flat & shared & np.isinf(coupled.upper[k] - coupled.lower[k])).any())


@jax.jit
def lost(agents: Agent, price: Array) -> Array:
    """Mark the agents that have no best response at a price: theirs is not finite, or as steep towards an open end."""

    def is_lost(agent: Agent) -> Array:
        def steepness(x: Array) -> Array:
            slope = agent.grad(x) + agent.share.adjoint(price)
            return jnp.max(jnp.where(jnp.isinf(jnp.where(slope > 0, box.lower, box.upper)), jnp.abs(slope), 0))

        box = agent.share.box
        x, start = agent.best_response(price), box.prox(jnp.zeros(box.lower.shape, price.dtype), 1.0)
        return ~jnp.all(jnp.isfinite(x)) | (steepness(x) > 0.1 * steepness(start))

    return jax.vmap(is_lost)(agents)
