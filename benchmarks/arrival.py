"""How long until every agent is there: rounds of one exchange, gradients and bits."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord import Problem, Stop
from accord.engine.planning.build import build_plan
from accord.engine.planning.cost import per_round
from accord.engine.planning.request import RunRequest
from accord.runtimes import Vectorised


class Arrival(NamedTuple):
    """What it cost until max_k ‖x_k − x*‖² ≤ tolerance ‖x*‖²; infinite where that did not happen."""

    rounds: float  # of one vector to each neighbour: a tracker sent along with the model makes two
    gradients: float  # of an agent, dual ones alike
    bits: float  # that left all agents
    settings: dict[str, float]  # the method's hyper-parameters, as chosen


def arrival(
    problem: Problem, method: Any, network: Any, answer: np.ndarray, tolerance: float = 1e-8, limit: int = 200_000
) -> Arrival:
    """Run until everyone is there, or for `limit` rounds of one vector."""
    plan, _ = build_plan(RunRequest(problem=problem, method=method, network=network, stop=Stop(rounds=limit)))
    with jax.enable_x64(True):
        session, cost = Vectorised(devices=1).start(plan), per_round(plan)
        vectors = cost.bytes / (network.links * plan.x0.nbytes)  # a round of the method's own
        t, there = until(session.team, session.carry, jnp.asarray(answer), tolerance, int(limit / vectors))
    own = vars(plan.method).items()
    settings = {name: float(value) for name, value in own if isinstance(value, (int, float, np.ndarray))}
    if not there:
        return Arrival(np.inf, np.inf, np.inf, settings)
    t = int(t)
    return Arrival(round(vectors * t), 1 + cost.gradients * t, 8 * cost.bytes * t, settings)


@partial(jax.jit, static_argnames=("limit",))
def until(team: Any, carry: Any, answer: Array, tolerance: float, limit: int) -> tuple[Array, Array]:
    """Rounds until everyone is there, until somebody is nowhere, or until the limit; and whether everyone is there."""

    def furthest(carry: Any) -> Array:
        models = carry.server.x[None] if hasattr(carry, "server") else team.models(carry)
        return jnp.max(jnp.sum((models - answer) ** 2, 1)) / jnp.vdot(answer, answer)

    def going(loop: tuple[Any, Array, Array]) -> Array:
        _, t, far = loop
        return (far > tolerance) & jnp.isfinite(far) & (t < limit)

    def further(loop: tuple[Any, Array, Array]) -> tuple[Any, Array, Array]:
        carry, t, _ = loop
        carry = team.round(carry, t)
        return carry, t + 1, furthest(carry)

    _, t, far = jax.lax.while_loop(going, further, (carry, jnp.zeros((), jnp.int32), furthest(carry)))
    return t, far <= tolerance
