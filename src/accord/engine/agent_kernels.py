"""The work of one agent in a round, compiled once for all agents of the same size: the worker's five steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import MethodError


@jax.jit
def speak_edges(method: Any, channel: Any, state: Any, memory: Any, key: Array) -> tuple[Any, Any]:
    """Encode the messages to all neighbours, and return them with the channel's memories."""
    words = method.messages(state)
    keys = key_of_places(key, jax.tree.leaves(words)[0].shape[0])
    return jax.vmap(channel.encode)(words, memory, keys)


@jax.jit
def update_edges(method: Any, state: Any, heard: Any, present: Array, agent: Any, key: Array) -> Any:
    """The next state of a peer with a message for each neighbour."""
    return method.update(state, heard, present, agent, key)


def key_of_places(key: Array, places: int) -> Array:
    """A key for each neighbour's message."""
    return jax.vmap(lambda place: jax.random.fold_in(key, place))(jnp.arange(places, dtype=jnp.int32))


@jax.jit
def visit(
    method: Any, channel: Any, heard: Any, client: Any, memory: Any, agent: Any, work: Array, noise: Array
) -> Any:
    """A client's reply as it is received, its proposal as derived from that, its state, its channel's memory."""
    reply, client = method.respond(heard, client, agent, work)
    speaker, listener = memory
    wire, speaker = channel.encode(reply, speaker, noise)
    said, listener = channel.decode(wire, listener)
    return said, spread_of(method, heard, said, client).shift, client, (speaker, listener)


class Spread(NamedTuple):
    """The distance of a client's proposal from the server's model."""

    shift: Any  # the proposal seen from there; zero where only its length is known
    square: Any  # ‖shift‖²


def spread_of(method: Any, heard: Any, said: Any, client: Any) -> Spread:
    """Derive a client's own model from a reply that the channel has passed: nothing of its state is read.

    A reply that lacks it bears ‖x_k − x‖² in a field `apart`. Raises `MethodError` where neither is so.
    """
    x = getattr(heard, "x", 0)
    if hasattr(said, "apart"):
        return Spread(jnp.zeros_like(x), said.apart)
    if hasattr(method, "own"):  # parts that are kept at home are the same in both, whatever they are
        blank = jax.tree.map(jnp.zeros_like, client)
        shift = method.proposal(heard, said, blank) - method.own(heard, blank)
    else:
        shift = method.proposal(heard, said, Withheld(type(method).__name__)) - x
    return Spread(shift, jnp.vdot(shift, shift))


class Withheld:
    """A client's state, for those who do not receive it."""

    def __init__(self, method: str) -> None:
        self._method = method

    def __getattr__(self, name: str) -> Any:
        raise self._refusal

    def __getitem__(self, place: Any) -> Any:
        raise self._refusal

    def __iter__(self) -> Any:
        raise self._refusal

    @property
    def _refusal(self) -> MethodError:
        return MethodError(
            f"{self._method}.proposal reads the client's state, which never leaves it, so that agreement cannot be "
            "measured there. Tell the proposal by the reply, or give the reply a field apart, ‖x_k − x‖²."
        )


@jax.jit
def propose(method: Any, heard: Any, client: Any, agent: Any, key: Array) -> Array:
    """Return what a client would propose as its own model."""
    reply, client = method.respond(heard, client, agent, key)
    return method.proposal(heard, reply, client)


def arrays(tree: Any) -> Any:
    """A pytree in NumPy."""
    return jax.tree.map(np.asarray, tree)
