"""The measures where agents share a constraint: the cost, the violation, a bound on the cost, and impossibility."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.engine.session import Record
from accord.problems.agent import Agent
from accord.problems.coupling import LocalConstraint
from accord.problems.regularizers import Budget

FAR = 1e6
"""The search radius of a decision without bounds, in units of its scale, in the test for an impossible constraint."""


class Terms(NamedTuple):
    """One agent's terms; leading axis: the agents."""

    cost: Any  # f_k(x_k)
    surplus: Any  # A_k x_k − b/K
    dual: Any  # min over x of f_k(x) + λᵀ(A_k x − b/K)
    size: Any  # ‖A_k x_k‖ + ‖b‖/K


class Reach(NamedTuple):
    """The least value of λᵀ(A_k x − b/K) within one agent's bounds, and the size of what was added up."""

    least: Any
    size: Any


@jax.jit
def terms(agent: Agent, x: Array, price: Array) -> Terms:
    """Compute one agent's terms at its decision and at a price, raised to 0 where that of a row of ≤ is below."""
    price = jnp.maximum(price, agent.share.floor)
    best, surplus, part = agent.best_response(price), agent.contribution(x), agent.share.b
    size = jnp.linalg.norm(surplus + part) + jnp.linalg.norm(part)
    return Terms(agent.value(x), surplus, agent.value(best) + price @ agent.contribution(best), size)


def excess(surplus: Array, floor: Array) -> Array:
    """Return the violation of each row: of ≤ only what is above."""
    return jnp.where(jnp.isfinite(floor), jnp.maximum(surplus, 0), surplus)


@jax.jit
def reach(share: LocalConstraint, direction: Array) -> Reach:
    """Compute one agent's least in a direction; a decision without bounds goes `FAR` times as far as b needs."""
    slope, bounds = share.adjoint(direction), (share.box.lower, share.box.upper)
    if isinstance(share.box, Budget):
        ends = slope * share.box.cheapest(slope, jnp.zeros_like(slope))
    else:
        known = [jnp.max(jnp.abs(jnp.where(jnp.isfinite(bound), bound, 0))) for bound in bounds]
        needed = jnp.linalg.norm(share.b) * share.agents / jnp.linalg.norm(share.A)
        far = FAR * (needed + known[0] + known[1])
        ends = slope * jnp.where(slope > 0, jnp.maximum(bounds[0], -far), jnp.minimum(bounds[1], far))
    part = direction @ share.b
    return Reach(jnp.sum(ends) - part, jnp.sum(jnp.abs(ends)) + jnp.abs(part))


def measured(all_terms: Terms, price: Array, floor: Array, reaches: Reach) -> Record:
    """The record of a round, from all agents' terms and reaches in the direction of the violation.

    Where even the least in that direction is above 0, no decisions meet the constraint (Farkas): along this ray the
    dual rises without end, so the bound on the cost is infinite.
    """
    violation = jnp.linalg.norm(excess(jnp.sum(all_terms.surplus, 0), floor))
    violation = jnp.where(jnp.all(jnp.isfinite(price)), violation, jnp.inf)
    rounding = jnp.sqrt(jnp.finfo(violation.dtype).eps) * jnp.sum(reaches.size)
    bound = jnp.where(jnp.sum(reaches.least) > rounding, jnp.inf, jnp.sum(all_terms.dual))
    return Record(jnp.sum(all_terms.cost), violation, jnp.max(all_terms.cost), bound, jnp.sum(all_terms.size))


def market_record(agents: Agent, decisions: Array, price: Array) -> Record:
    """The record of all agents at once."""
    everybody = jax.vmap(terms, (0, 0, None))(agents, decisions, price)
    floor = agents.share.floor[0]
    violated = excess(jnp.sum(everybody.surplus, 0), floor)
    return measured(everybody, price, floor, jax.vmap(reach, (0, None))(agents.share, violated))
