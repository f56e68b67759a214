"""The turns of a round whose clients work one after another, and sums in their order."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

DEVICES = "devices"
"""The mesh axis over which a cohort is divided."""


def dealt_turns(turns: Array, values: Array, filler: int) -> Array:
    """Deal the values of a list of agents out by turns: (devices, turns)."""
    own = values[jnp.minimum(turns, len(values) - 1)]
    return jnp.where(turns < len(values), own, jnp.asarray(filler, values.dtype))


def sum_over_devices(tree: Any) -> Any:
    """Σ over the devices, in one vector: XLA has them wait for each other once for every array."""
    flat, unravel = ravel_pytree(tree)
    return unravel(jax.lax.psum(flat, DEVICES))


def in_order(turns: Array, values: Array, count: int) -> Array:
    """Return what the agents of a list brought back in their turns, in the order of the list."""
    if len(turns) == 1:
        return values
    return jnp.zeros((count, *values.shape[1:]), values.dtype).at[turns.ravel()].set(values, mode="drop")
