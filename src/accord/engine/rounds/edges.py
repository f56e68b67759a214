"""A round of peers that have a different message for each neighbour, all agents at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.engine.agent_kernels import key_of_places
from accord.engine.halo import Halo
from accord.engine.map_agents import map_agents
from accord.engine.planning.plan import Plan, required_weights
from accord.engine.rounds.peers import keys_of, models_of, outcome_of, record_of, rested, steps_of
from accord.engine.session import Outcome, Record
from accord.methods.contracts import Places
from accord.networks.faults import Mixer, mixer
from accord.problems.agent import Agent


class EdgesState(NamedTuple):
    """The state that such a run carries from round to round."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at sender and receiver, one a directed link; a pair for the one exchange


@pytree
@dataclass(frozen=True)
class Edges:
    """A method with a message for each receiver: messages, channel, exchange, update. Neighbours have padded places."""

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    mixer: Mixer  # whose weights define the links: the values of W do not count
    border: Halo  # the place of each sender's message among all
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    numbers: Any = None  # the agents' own, where they are a part of a larger crowd

    def start(self, x0: Array) -> EdgesState:
        """Start every agent at x0."""
        places, keys = self._places, self._keys(0, Purpose.START)
        states = map_agents(self.method.init, (None, self.agents.axes, 0, 0))(x0, self.agents, places, keys)
        speaker = jax.vmap(jax.vmap(self.channel.init))(jax.vmap(self.method.messages)(states))
        heard = places.hears.shape
        empty = lambda leaf: jnp.broadcast_to(leaf[:1, :1], (*heard, *leaf.shape[2:]))  # noqa: E731
        return EdgesState(states, ((speaker, jax.tree.map(empty, speaker)),))

    def round(self, carry: EdgesState, t: Array) -> EdgesState:
        """Compute one round: a message to each receiver, and one from each sender."""
        own, words, after = self.send(carry, t, 0)
        after = self.receive(after, own, self.border.received(words, ()), self.weights(t), t, 0)
        return self.hold_asleep(after, carry.states, t)

    def weights(self, t: Array | int) -> Any:
        """Return the weights of a round, of which only zero or not zero counts."""
        return self.mixer.at(t, key_for(self.key, t, 0, Purpose.NETWORK))[self.method.weights].w

    def send(self, carry: EdgesState, t: Array | int, phase: int) -> tuple[Any, Any, EdgesState]:
        """Encode the messages of a round: a row an agent and place of a receiver."""
        speaker, listener = carry.memories[phase]
        words = jax.vmap(self.method.messages)(carry.states)
        count = self._places.heard_by.shape[1]
        noise = jax.vmap(lambda key: key_of_places(key, count))(self._keys(t, Purpose.CHANNEL))
        wires, speaker = jax.vmap(jax.vmap(self.channel.encode))(words, speaker, noise)
        rows = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), wires)
        return (), rows, EdgesState(carry.states, ((speaker, listener),))

    def receive(self, carry: EdgesState, own: Any, wires: Any, weights: Any, t: Array | int, phase: int) -> EdgesState:
        """Decode what each neighbour sent, and update."""
        speaker, listener = carry.memories[phase]
        heard, listener = jax.vmap(jax.vmap(self.channel.decode))(wires, listener)
        update, keys = map_agents(self.method.update, (0, 0, 0, self.agents.axes, 0)), self._keys(t, Purpose.WORK)
        return EdgesState(update(carry.states, heard, weights != 0, self.agents, keys), ((speaker, listener),))

    def hold_asleep(self, carry: EdgesState, before: Any, t: Array | int) -> EdgesState:
        """Restore, after a round, the agents that slept through it."""
        return rested(self, carry, before, t)

    def models(self, carry: EdgesState) -> Array:
        """(K, d), every agent's own."""
        return models_of(self, carry.states)

    def record(self, carry: EdgesState) -> Record:
        """F at the mean of the models, and their variance about it."""
        return record_of(self, self.models(carry))

    def step(self, before: EdgesState, after: EdgesState) -> Array:
        """Σ of the squares of what a round moved."""
        return jnp.sum(steps_of(self, before.states, after.states))

    def outcome(self, carry: EdgesState, t: Array) -> Outcome:
        """The mean of the models, and each of them."""
        return outcome_of(self, self.models(carry))

    @property
    def _places(self) -> Places:
        lists = self.mixer.flows[self.method.weights]
        return Places(lists.w != 0, (lists.w if lists.given is None else lists.given) != 0)

    def _keys(self, t: Array | int, purpose: Purpose) -> Array:
        return keys_of(self, t, purpose)


def neighbourhood(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """(K, places): each agent's neighbours where all links are mutual, and which places hold one."""
    lists = mixer(plan.network, required_weights(plan.method), plan.dtype, lists=True).flows["symmetric"]
    return lists.neighbours, lists.w != 0


def places_back(neighbours: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(K, places): the place of an agent among the receivers of its neighbour; 0 where there is no neighbour."""
    back, listeners = np.zeros(neighbours.shape, np.int32), np.zeros(len(neighbours), np.int32)
    for k, i in np.argwhere(present):  # by k, which is the order of the receivers
        back[k, i] = listeners[neighbours[k, i]]
        listeners[neighbours[k, i]] += 1
    return back
