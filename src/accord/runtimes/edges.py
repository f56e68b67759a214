"""A round of peers that have a different word for each neighbour, all agents at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.methods.base import Places
from accord.networks.faults import Mixer
from accord.problems.agents import Agent
from accord.runtimes.peers import models_of, outcome_of, record_of, where_awake
from accord.runtimes.plan import Outcome, Purpose, Record, key_for
from accord.runtimes.steps import key_of_places


class Carry(NamedTuple):
    """What such a run carries from round to round."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at speaker and listener, one a directed link


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Edges:
    """A method with a word for each who hears: messages, channel, exchange, update. Neighbours have padded places."""

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    mixer: Mixer  # whose weights say who is heard: the values of W do not count
    back: Any  # (K, places) the place of an agent among those who hear its neighbour
    channel: Any
    regularizer: Any
    p: Any
    key: Array

    def start(self, x0: Array) -> Carry:
        """Every agent at x0."""
        places, keys = self._places, self._keys(0, Purpose.START)
        states = jax.vmap(self.method.init, (None, self.agents.axes, 0, 0))(x0, self.agents, places, keys)
        words = jax.vmap(self.method.messages)(states)
        empty = jax.vmap(jax.vmap(self.channel.init))(words)
        return Carry(states, (empty, empty))

    def round(self, carry: Carry, t: Array) -> Carry:
        """One round: a word to each neighbour, and one from each."""
        neighbours, present = self._present(t)
        keys, noise = self._keys(t, Purpose.WORK), self._keys(t, Purpose.CHANNEL)
        noise = jax.vmap(lambda key: key_of_places(key, self._places.heard_by.shape[1]))(noise)
        speaker, listener = carry.memories
        words = jax.vmap(self.method.messages)(carry.states)
        wires, speaker = jax.vmap(jax.vmap(self.channel.encode))(words, speaker, noise)
        said, listener = jax.vmap(jax.vmap(self.channel.decode))(wires, listener)
        heard = jax.tree.map(lambda leaf: leaf[neighbours, self.back], said)
        update = jax.vmap(self.method.update, (0, 0, 0, self.agents.axes, 0))
        states = update(carry.states, heard, present, self.agents, keys)
        if self.mixer.sleepy:
            awake = self.mixer.awake(key_for(self.key, t, 0, Purpose.NETWORK))
            states = jax.tree.map(partial(where_awake, awake), states, carry.states)
        return Carry(states, (speaker, listener))

    def models(self, carry: Carry) -> Array:
        """(K, d), every agent's own."""
        return models_of(self, carry.states)

    def record(self, carry: Carry) -> Record:
        """F at the mean of the models, and their variance about it."""
        return record_of(self, self.models(carry))

    def outcome(self, carry: Carry, t: Array) -> Outcome:
        """The mean of the models, and each of them."""
        return outcome_of(self, self.models(carry))

    @property
    def _places(self) -> Places:
        lists = self.mixer.flows[self.method.weights]
        return Places(lists.w != 0, (lists.w if lists.given is None else lists.given) != 0)

    def _present(self, t: Array | int) -> tuple[Array, Array]:
        weights = self.mixer.at(t, key_for(self.key, t, 0, Purpose.NETWORK))[self.method.weights]
        return weights.neighbours, weights.w != 0

    def _keys(self, t: Array | int, purpose: Purpose) -> Array:
        return jax.vmap(lambda k: key_for(self.key, t, k, purpose))(jnp.arange(len(self.p), dtype=jnp.int32))


def places_back(neighbours: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(K, places): at which place an agent stands among those who hear its neighbour; 0 where there is no neighbour."""
    back, listeners = np.zeros(neighbours.shape, np.int32), np.zeros(len(neighbours), np.int32)
    for k, i in np.argwhere(present):  # by k, which is the order of the listeners
        back[k, i] = listeners[neighbours[k, i]]
        listeners[neighbours[k, i]] += 1
    return back
