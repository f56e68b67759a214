"""A worker's agents as peers: message, channel, exchange, mix, update."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.methods.base import phases_of
from accord.networks.faults import mixer
from accord.networks.mixing import mix
from accord.runtimes import steps
from accord.runtimes.plan import Purpose, asked_weights, chosen, key_for, keys_of_phase


class WorkingPeers:
    """The five steps for some of the agents; those next to another worker's are heard there."""

    def __init__(self, worker: Any) -> None:
        self.worker, self.plan = worker, worker.plan
        self.states: dict[int, Any] = {}
        self.memories: dict[tuple[int, int], Any] = {}  # the channel's, of (agent, exchange)
        self.heard: dict[tuple[int, int], Any] = {}  # the channel's at the listener, of (speaker, exchange)
        self.past: dict[int, list[Any]] = {}  # what was heard in the last rounds, of an exchange, newest first
        self.audience, self.speakers, among = crossings(worker)
        self.place = {j: i for i, j in enumerate(among)}
        asked = asked_weights(self.plan.method)
        self.mixer = mixer(self.plan.network, asked, self.plan.dtype, np.array(worker.ks), np.array(among))
        self.own_places = np.array([self.place[k] for k in worker.ks])

    def on_start(self, t: int, x0: np.ndarray) -> None:
        """Every agent at x0, its channel's memory empty."""
        for k, agent in self.worker.each():
            key = key_for(self.worker.key, 0, k, Purpose.START)
            self.states[k] = steps.init(self.plan.method, jnp.asarray(x0), agent, key)
            for phase, part in enumerate(phases_of(self.plan.method)):
                message = part.message(self.states[k])
                self.memories[k, phase] = self.plan.channel.init(message)
                self.heard |= {(j, phase): self.plan.channel.init(message) for j in self.place}
                self.past[phase] = [steps.pile([message] * len(self.place))] * self.plan.delay

    def on_advance(self, t: int, rounds: int) -> None:
        """So many rounds, with nobody but the neighbours."""
        for now in range(t, t + rounds):
            key = key_for(self.worker.key, now, 0, Purpose.NETWORK)
            weights, before = self.mixer.at(now, key), dict(self.states)
            for phase, part in enumerate(phases_of(self.plan.method)):
                self._exchange(now, phase, chosen(weights, part, self.plan.method))
            if self.mixer.sleepy:
                awake = np.asarray(self.mixer.awake(key))
                self.states = {k: state if awake[k] else before[k] for k, state in self.states.items()}

    def on_state(self, t: int) -> Any:
        """Everything these agents hold."""
        return {self.worker.own: steps.arrays((self.states, self.memories, self.heard, self.past))}

    def on_restore(self, t: int, held: Any) -> None:
        """Go on from what they held."""
        self.states, self.memories, self.heard, self.past = held

    def _exchange(self, t: int, phase: int, weights: Any) -> None:
        """Speak, listen, mix, update."""
        own, wires = self._speak(t, phase)
        for worker, ks in self.audience.items():
            self.worker.say(worker, t, phase, {k: steps.arrays(wires[k]) for k in ks})
        for worker in self.speakers:
            wires.update(self.worker.said_by(worker, t, phase))
        heard = self._delayed(t, phase, steps.pile([self._decoded(j, phase, wires[j]) for j in self.place]))
        said = jax.tree.map(lambda leaf: leaf[self.own_places], heard)
        mixed = mix(weights, steps.pile(own), said, heard)
        for i, (k, agent) in enumerate(self.worker.each()):
            key = keys_of_phase(key_for(self.worker.key, t, k, Purpose.WORK), phase)
            row = jax.tree.map(lambda leaf, i=i: leaf[i], mixed)
            self.states[k] = steps.update(self.plan.method, self.states[k], row, agent, key, phase=phase)

    def _speak(self, t: int, phase: int) -> tuple[list[Any], dict[int, Any]]:
        """What each agent holds to say, and what crosses the wire of it."""
        own, wires = [], {}
        for k, _ in self.worker.each():
            key = keys_of_phase(key_for(self.worker.key, t, k, Purpose.CHANNEL), phase)
            held = (self.states[k], self.memories[k, phase])
            message, wires[k], self.memories[k, phase] = steps.speak(
                self.plan.method, self.plan.channel, *held, key, phase=phase
            )
            own.append(message)
        return own, wires

    def _decoded(self, j: int, phase: int, wire: Any) -> Any:
        """What agent j said, by what is remembered of its earlier words."""
        said, self.heard[j, phase] = self.plan.channel.decode(wire, self.heard[j, phase])
        return said

    def _delayed(self, t: int, phase: int, heard: Any) -> Any:
        """What was heard as many rounds ago as a word needs."""
        past = [heard, *([heard] * self.plan.delay if t == 0 else self.past[phase])]
        self.past[phase] = past[: self.plan.delay]
        return past[self.plan.delay]


def crossings(worker: Any) -> tuple[dict[int, list[int]], list[int], list[int]]:
    """Which of this worker's agents each other worker must hear, whom it hears, and all agents within its hearing."""
    members = getattr(worker.plan.network, "members", (worker.plan.network,))
    ends = [np.concatenate([getattr(member.edges, end) for member in members]) for end in ("sources", "targets")]
    sources, targets = ends
    mine = np.isin(targets, worker.ks)
    among = sorted({*sources[mine].tolist(), *worker.ks})
    speakers = sorted({*worker.owners[sources[mine]].tolist()} - {worker.own})
    crossing = np.isin(sources, worker.ks) & (worker.owners[targets] != worker.own)
    audience: dict[int, list[int]] = {}
    pairs = zip(worker.owners[targets[crossing]].tolist(), sources[crossing].tolist(), strict=True)
    for other, k in sorted({*pairs}):
        audience.setdefault(other, []).append(k)
    return audience, speakers, among
