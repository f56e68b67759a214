"""Stacks: pytrees whose leading axis is the agents, and what one of them, or a few, have there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def tree_take(stack: Any, k: Any) -> Any:
    """Take agent k's entries of a stack, or those of agents k."""
    return jax.tree.map(lambda leaf: leaf[k], stack)


def tree_set(stack: Any, k: Any, values: Any) -> Any:
    """The stack with these values for agent k, or agents k; beyond its end for none."""
    return jax.tree.map(lambda leaf, value: leaf.at[k].set(value, mode="drop"), stack, values)


def tree_broadcast(tree: Any, K: int) -> Any:
    """The same for each of K agents."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (K, *leaf.shape)), tree)


def agent_ids(K: int) -> Array:
    """The agents' numbers."""
    return jnp.arange(K, dtype=jnp.int32)


def host_leaves(tree: Any) -> tuple[np.ndarray, ...]:
    """A pytree's arrays, ready for any wire."""
    return tuple(np.asarray(leaf) for leaf in jax.tree.leaves(tree))
