"""What one agent does in a round, compiled once for all agents of the same size: the worker's five steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.methods.base import phases_of


@jax.jit
def init(method: Any, x0: Array, agent: Any, key: Array) -> Any:
    """A peer's first state."""
    return method.init(x0, agent, key)


@jax.jit
def init_client(method: Any, x0: Array, agent: Any, key: Array) -> Any:
    """A client's first state."""
    return method.init_client(x0, agent, key)


@partial(jax.jit, static_argnames=("phase",))
def speak(method: Any, channel: Any, state: Any, memory: Any, key: Array, *, phase: int) -> tuple[Any, Any, Any]:
    """What a peer holds to say, what crosses the wire of it, and the channel's memory."""
    message = phases_of(method)[phase].message(state)
    return message, *channel.encode(message, memory, key)


@jax.jit
def init_edges(method: Any, x0: Array, agent: Any, places: Any, key: Array) -> Any:
    """The first state of a peer with a word for each neighbour."""
    return method.init(x0, agent, places, key)


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


@partial(jax.jit, static_argnames=("phase",))
def update(method: Any, state: Any, mixed: Any, agent: Any, key: Array, *, phase: int) -> Any:
    """A peer's next state."""
    return phases_of(method)[phase].update(state, mixed, agent, key)


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
def own(method: Any, heard: Any, client: Any) -> Array:
    """The model that a client uses of what it hears."""
    return method.own(heard, client)


@jax.jit
def propose(method: Any, heard: Any, client: Any, agent: Any, key: Array) -> Array:
    """What a client would propose as its own model."""
    reply, client = method.respond(heard, client, agent, key)
    return method.proposal(heard, reply, client)


@jax.jit
def value(agent: Any, x: Array) -> Array:
    """f_k(x)."""
    return agent.value(x)


def arrays(tree: Any) -> Any:
    """As NumPy, ready for any wire."""
    return jax.tree.map(np.asarray, tree)


def pile(messages: list[Any]) -> Any:
    """Messages of several agents, stacked."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *messages)
