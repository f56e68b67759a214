"""Stacks: pytrees whose leading axis is the agents, and what one of them, or a few, have there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from accord.problems.agent import Agent


def one_of(agents: Agent, k: Array) -> Agent:
    """Agent k, its rows read where they lie."""
    rows, statistics = replace(agents.rows, size=agents.rows.size[k], k=k), taken(agents.statistics, k)
    return replace(agents, rows=rows, scale=agents.scale[k], statistics=statistics)


def taken(stack: Any, k: Any) -> Any:
    """What agent k has of a stack, or agents k."""
    return jax.tree.map(lambda leaf: leaf[k], stack)


def put(stack: Any, k: Any, values: Any) -> Any:
    """The stack with these values for agent k, or agents k; beyond its end for nobody."""
    return jax.tree.map(lambda leaf, value: leaf.at[k].set(value, mode="drop"), stack, values)


def repeated(tree: Any, K: int) -> Any:
    """The same for each of K agents."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (K, *leaf.shape)), tree)


def numbers(K: int) -> Array:
    """The agents' numbers."""
    return jnp.arange(K, dtype=jnp.int32)
