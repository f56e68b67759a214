"""Asynchronous peers in a worker: an agent that activates acts on what it has received, and sends its next messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.core.trees import tree_set, tree_take
from accord.engine import agent_kernels
from accord.engine.map_agents import map_agents
from accord.engine.rounds.peers import keys_of, steps_of
from accord.problems.agent import Agent, agent_at
from accord.problems.opaque import OpaqueAgent


class AsyncPeersState(NamedTuple):
    """The state that such agents carry from activation to activation."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at sender and receiver, stacked; where messages differ, one a directed link


@pytree
@dataclass(frozen=True)
class AsyncPeers:
    """Some of the agents of a method that meet in pairs, or have a message for each neighbour."""

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    present: Any  # (agents, places) which places are a neighbour's; None where they meet in pairs
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    numbers: Any  # the agents' own, among all
    in_turn: bool = field(metadata={"static": True}, default=False)  # agents work one after another

    def start(self, x0: Array) -> AsyncPeersState:
        """Start every agent at x0."""
        told = () if self.present is None else (self.present,)
        axes = (None, self.agents.axes, *(0 for _ in told), 0)
        states = map_agents(self.method.init, axes)(x0, self.agents, *told, keys_of(self, 0, Purpose.START))
        if self.present is None:
            empty = jax.vmap(self.channel.init)(jax.vmap(self.method.message)(states))
        else:
            empty = jax.vmap(jax.vmap(self.channel.init))(jax.vmap(self.method.messages)(states))
        return AsyncPeersState(states, (empty, empty))

    def step(self, before: AsyncPeersState, after: AsyncPeersState) -> Array:
        """Σ of the squares of what the agents moved."""
        return jnp.sum(steps_of(self, before.states, after.states))

    def activate(
        self, carry: AsyncPeersState, ks: Array, heard: tuple[Array, ...], t: Array
    ) -> tuple[Any, AsyncPeersState]:
        """Update some agents by what each has received, and return their messages; without it, they only send."""
        states, memories = tree_take(carry, ks)
        numbers = jnp.asarray(self.numbers)[ks]
        work, noise = (
            jax.vmap(lambda k, t=t, p=purpose: key_for(self.key, t, k, p))(numbers)
            for t, purpose in ((t, Purpose.WORK), (t + 1, Purpose.CHANNEL))
        )
        if heard:
            states = self._acted(ks, states, heard, work)
        said, memories = jax.vmap(self._send)(states, memories, noise)
        return said, tree_set(carry, ks, AsyncPeersState(states, memories))

    def _acted(self, ks: Array, states: Any, heard: tuple[Array, ...], keys: Array) -> Any:
        act = self._exchange if self.present is None else self._receive
        if isinstance(self.agents, OpaqueAgent):
            return map_agents(act, (0, 0, 0, 0))(tree_take(self.agents, ks), states, heard, keys)
        of = lambda k, *given: act(agent_at(self.agents, k), *given)  # noqa: E731
        return map_agents(of, (0, 0, 0, 0), self.in_turn)(ks, states, heard, keys)

    def _exchange(self, agent: Agent, state: Any, apart: tuple[Array, ...], key: Array) -> Any:
        """Let two agents mix half and half: own + ½ (received − sent)."""
        own = self.method.message(state)
        mixed = jax.tree.map(lambda own, apart: own + 0.5 * apart, own, _like(own, apart))
        return self.method.update(state, mixed, agent, key)

    def _receive(self, agent: Agent, state: Any, letters: tuple[Array, ...], key: Array) -> Any:
        """The last message from each neighbour, and whether it is new."""
        *words, new = letters
        return agent_kernels.update_edges(
            self.method, state, _like(self.method.messages(state), words), new, agent, key
        )

    def _send(self, state: Any, memory: tuple[Any, Any], noise: Array) -> tuple[Any, tuple[Any, Any]]:
        """Send an agent's message, or those to all its neighbours; return what is received, and the memories."""
        speaker, listener = memory
        if self.present is None:
            wire, speaker = self.channel.encode(self.method.message(state), speaker, noise)
            said, listener = self.channel.decode(wire, listener)
        else:
            wires, speaker = agent_kernels.speak_edges(self.method, self.channel, state, speaker, noise)
            said, listener = jax.vmap(self.channel.decode)(wires, listener)
        return said, (speaker, listener)


def _like(message: Any, leaves: Any) -> Any:
    """A message that has crossed the wire as plain arrays."""
    return jax.tree.unflatten(jax.tree.structure(message), leaves)
