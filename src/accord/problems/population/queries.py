"""The questions of the doctor to an agent: each a function of that agent alone, which returns its own numbers.

Nothing else leaves an agent, and no row does. Simulated, all are asked at once; a worker would ask its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.linalg.fista import fista

STEPS = 20_000  # of the search for an agent's own optimum, far more than a sound condition takes


class ValueAndGrad(NamedTuple):
    """A loss and its gradient."""

    value: Array
    grad: Array


class Own(NamedTuple):
    """An agent's own optimum, seen from outside: the model itself stays with the agent."""

    value: Array  # f_k there
    distance: Array  # from the common optimum
    left: Array  # ‖∇f_k‖ there, which is 0 where it was found


class HvpTwice(NamedTuple):
    """A Hessian applied once and twice."""

    once: Array
    twice: Array


def value_and_grad(agent: Any, x: Array) -> ValueAndGrad:
    """Its loss and its gradient at a common model."""
    return ValueAndGrad(agent.value(x), agent.grad(x))


def loss(agent: Any, x: Array) -> Array:
    """Its loss at a common model."""
    return agent.value(x)


def hvp(agent: Any, x: Array, v: Array) -> Array:
    """Its Hessian times a vector."""
    return jax.jvp(agent.grad, (x,), (v,))[1]


def hvp_twice(agent: Any, x: Array, v: Array) -> HvpTwice:
    """Its Hessian times a vector, and again."""
    once = hvp(agent, x, v)
    return HvpTwice(once, hvp(agent, x, once))


def own_optimum(agent: Any, x: Array) -> Own:
    """Its loss at its own optimum, and how far that is from the common one."""
    known = hasattr(agent.loss, "quadratic") or hasattr(agent.loss, "tilted")
    best = agent.prox(x, 0.0) if known else fista(agent.grad, x, max_steps=STEPS)
    return Own(agent.value(best), jnp.linalg.norm(best - x), jnp.linalg.norm(agent.grad(best)))


def local_update(agent: Any, x: Array, step_size: Array, steps: Array) -> Array:
    """What its local gradient steps change of a common model: what FedAvg sends."""
    return jax.lax.fori_loop(0, steps, lambda _, y: y - step_size * agent.grad(y), x) - x


def local_update_jvp(agent: Any, x: Array, v: Array, step_size: Array, steps: Array) -> Array:
    """How its local steps answer to a shift v of the model: (I − (I − a H_k)^τ) v, H_k its Hessian at x."""
    return v - jax.lax.fori_loop(0, steps, lambda _, w: w - step_size * hvp(agent, x, w), v)


def labels(agent: Any) -> Array:
    """How many rows it has of each label."""
    known = jnp.arange(agent.loss.classes, dtype=jnp.int32)
    own = jnp.arange(agent.capacity, dtype=jnp.int32) < agent.size
    return jnp.sum((agent.rows.all()[1][:, None] == known) & own[:, None], 0, dtype=jnp.int32)
