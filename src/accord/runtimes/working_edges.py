"""A worker's agents as peers that have a different word for each neighbour."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.methods.base import Places
from accord.networks.faults import mixer
from accord.runtimes import steps
from accord.runtimes.plan import Purpose, key_for


class WorkingEdges:
    """Messages, channel, exchange, update for some of the agents."""

    def __init__(self, worker: Any) -> None:
        self.worker, self.plan = worker, worker.plan
        self.states: dict[int, Any] = {}
        self.memories: dict[int, Any] = {}  # the channel's, one a neighbour
        self.heard: dict[tuple[int, int], Any] = {}  # the channel's at the listener, of (speaker, listener)
        sources, targets, _ = self.plan.network.edges
        self.neighbours = {k: sources[targets == k].tolist() for k in worker.ks}  # whom it hears
        self.listeners = {k: targets[sources == k].tolist() for k in worker.ks}  # who hear it
        self.speakers, self.audience = (
            sorted({int(worker.owners[j]) for js in others.values() for j in js} - {worker.own})
            for others in (self.neighbours, self.listeners)
        )
        asked = (self.plan.method.weights,)
        self.mixer = mixer(self.plan.network, asked, self.plan.dtype, np.array(worker.ks), lists=True)

    def on_start(self, t: int, x0: np.ndarray) -> None:
        """Every agent at x0, its channel's memories empty."""
        for k, agent in self.worker.each():
            key = key_for(self.worker.key, 0, k, Purpose.START)
            places = Places(*(jnp.ones(len(others[k]), bool) for others in (self.neighbours, self.listeners)))
            self.states[k] = steps.init_edges(self.plan.method, jnp.asarray(x0), agent, places, key)
            words = self.plan.method.messages(self.states[k])
            self.memories[k] = jax.vmap(self.plan.channel.init)(words)
            empty = self.plan.channel.init(jax.tree.map(lambda leaf: leaf[0], words))
            self.heard |= {(j, k): empty for j in self.neighbours[k]}

    def on_advance(self, t: int, rounds: int) -> None:
        """So many rounds, with nobody but the neighbours."""
        for now in range(t, t + rounds):
            self._exchange(now)

    def on_state(self, t: int) -> Any:
        """Everything these agents hold."""
        return {self.worker.own: steps.arrays((self.states, self.memories, self.heard))}

    def on_restore(self, t: int, held: Any) -> None:
        """Go on from what they held."""
        self.states, self.memories, self.heard = held

    def _exchange(self, t: int) -> None:
        """A word to each neighbour, and one from each."""
        words = self._speak(t)
        for other in self.audience:
            there = {(k, j): wire for (k, j), wire in words.items() if self.worker.owners[j] == other}
            self.worker.say(other, t, 0, there)
        for other in self.speakers:
            words.update(self.worker.said_by(other, t, 0))
        network = key_for(self.worker.key, t, 0, Purpose.NETWORK)
        present = np.asarray(self.mixer.at(t, network)[self.plan.method.weights].w) != 0
        awake = np.asarray(self.mixer.awake(network)) if self.mixer.sleepy else None
        for i, (k, agent) in enumerate(self.worker.each()):
            heard = steps.pile([self._decoded(j, k, words[j, k]) for j in self.neighbours[k]])
            here = jnp.asarray(present[i, : len(self.neighbours[k])])
            key = key_for(self.worker.key, t, k, Purpose.WORK)
            state = steps.update_edges(self.plan.method, self.states[k], heard, here, agent, key)
            self.states[k] = state if awake is None or awake[k] else self.states[k]

    def _speak(self, t: int) -> dict[tuple[int, int], Any]:
        """What crosses the wire from each agent to each neighbour."""
        words = {}
        for k, _ in self.worker.each():
            key, held = key_for(self.worker.key, t, k, Purpose.CHANNEL), (self.states[k], self.memories[k])
            wires, self.memories[k] = steps.speak_edges(self.plan.method, self.plan.channel, *held, key)
            wires = steps.arrays(wires)
            words |= {(k, j): jax.tree.map(lambda leaf, i=i: leaf[i], wires) for i, j in enumerate(self.listeners[k])}
        return words

    def _decoded(self, j: int, k: int, wire: Any) -> Any:
        """What agent j said to agent k, by what is remembered of its earlier words."""
        said, self.heard[j, k] = self.plan.channel.decode(wire, self.heard[j, k])
        return said
