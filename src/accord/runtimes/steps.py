"""What one agent does in a round, compiled once for all agents of the same size: the worker's five steps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


@jax.jit
def speak_edges(method: Any, channel: Any, state: Any, memory: Any, key: Array) -> tuple[Any, Any]:
    """What crosses the wires to all neighbours, and the channel's memories."""
    words = method.messages(state)
    keys = key_of_places(key, jax.tree.leaves(words)[0].shape[0])
    return jax.vmap(channel.encode)(words, memory, keys)


@jax.jit
def update_edges(method: Any, state: Any, heard: Any, present: Array, agent: Any, key: Array) -> Any:
    """The next state of a peer with a word for each neighbour."""
    return method.update(state, heard, present, agent, key)


def key_of_places(key: Array, places: int) -> Array:
    """A key for each neighbour's word."""
    return jax.vmap(lambda place: jax.random.fold_in(key, place))(jnp.arange(places, dtype=jnp.int32))


@jax.jit
def visit(
    method: Any, channel: Any, heard: Any, client: Any, memory: Any, agent: Any, work: Array, noise: Array
) -> Any:
    """A client's reply as it is heard, its proposal seen from the server's model, its state, its channel's memory."""
    reply, client = method.respond(heard, client, agent, work)
    speaker, listener = memory
    wire, speaker = channel.encode(reply, speaker, noise)
    said, listener = channel.decode(wire, listener)
    return said, method.proposal(heard, reply, client) - used(method, heard, client), client, (speaker, listener)


def used(method: Any, heard: Any, client: Any) -> Any:
    """The model that a client uses of what it hears: the server's, unless it has parts of its own."""
    return method.own(heard, client) if hasattr(method, "own") else getattr(heard, "x", 0)


@jax.jit
def propose(method: Any, heard: Any, client: Any, agent: Any, key: Array) -> Array:
    """What a client would propose as its own model."""
    reply, client = method.respond(heard, client, agent, key)
    return method.proposal(heard, reply, client)


def arrays(tree: Any) -> Any:
    """A pytree in NumPy."""
    return jax.tree.map(np.asarray, tree)


def leaves(tree: Any) -> tuple[np.ndarray, ...]:
    """A pytree's arrays, ready for any wire."""
    return tuple(np.asarray(leaf) for leaf in jax.tree.leaves(tree))
