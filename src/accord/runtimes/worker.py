"""The life of a shard of agents over a link: message, channel, exchange, mix, update, and the host's questions."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.aggregation import Shares, weighed
from accord.methods.base import phases_of
from accord.networks.faults import mixer
from accord.networks.mixing import mix
from accord.problems.problem import single
from accord.runtimes import steps
from accord.runtimes.link import HOST, Envelope, Link
from accord.runtimes.plan import Plan, Purpose, asked_weights, chosen, key_for, keys_of_phase


class Dismissed(Exception):
    """The host ended the run."""


class Worker:
    """A few agents, each with its own unpadded data, one after another; opaque agents too."""

    def __init__(self, plan: Plan, agents: list[int], owners: np.ndarray, link: Link, own: int) -> None:
        self.plan, self.ks, self.owners, self.link, self.own = plan, agents, owners, link, own
        self.key = jax.random.key(plan.seed)
        self.agents = {k: single(plan.problem, plan.shape, plan.scale, k) for k in agents}
        self.early: dict[tuple[int, int, int], Any] = {}  # what neighbours said before this worker asked
        self.working_on = agents[0]
        self.states: dict[int, Any] = {}
        self.memories: dict[Any, Any] = {}  # the channel's: of a client, or of (peer, exchange)
        self.heard: dict[tuple[int, int], Any] = {}  # the channel's at the listener, of (speaker, exchange)
        self.past: dict[int, list[Any]] = {}  # what was heard in the last rounds, of an exchange, newest first

    def live(self) -> None:
        """Answer the host until it dismisses; a failure is told with its traceback, and ends the run for everybody."""
        with jax.enable_x64(self.plan.dtype == np.float64), self._compiled():
            try:
                if self.plan.pattern == "peers":
                    self._meet_neighbours()
                while True:
                    asked = self._next_command()
                    answer: Callable[..., Any] = getattr(self, f"on_{asked.kind}")
                    self._tell(asked.kind, answer(asked.round, *asked.body))
            except Dismissed:
                return
            except BaseException:
                self._tell("failed", (self.working_on, traceback.format_exc()))

    def _compiled(self) -> AbstractContextManager[Any]:
        return jax.disable_jit() if self.plan.problem.opaque else nullcontext()

    def _tell(self, kind: str, body: Any) -> None:
        self.link.send(HOST, Envelope(self.own, kind, 0, 0, body))

    def _next_command(self) -> Envelope:
        while (envelope := self.link.receive()).sender != HOST:
            self.early[envelope.sender, envelope.round, envelope.phase] = envelope.body
        if envelope.kind == "dismiss":
            raise Dismissed
        return envelope

    def _said_by(self, worker: int, t: int, phase: int) -> Any:
        while (worker, t, phase) not in self.early:
            envelope = self.link.receive()
            if envelope.sender == HOST:  # amid a round the host has only one thing to say
                raise Dismissed
            self.early[envelope.sender, envelope.round, envelope.phase] = envelope.body
        return self.early.pop((worker, t, phase))

    def _each(self) -> Any:
        for k in self.ks:
            self.working_on = k
            yield k, self.agents[k]

    # --- peers -------------------------------------------------------------------------------------------------------

    def _meet_neighbours(self) -> None:
        """Who must hear which of this worker's agents, and where in the pile of what is heard everyone stands."""
        members = getattr(self.plan.network, "members", (self.plan.network,))
        sources, targets = (
            np.concatenate([getattr(member.edges, end) for member in members]) for end in ("sources", "targets")
        )
        mine, hers = np.isin(targets, self.ks), np.isin(sources, self.ks)
        heard = sorted({*sources[mine].tolist(), *self.ks})
        self.place = {j: i for i, j in enumerate(heard)}
        asked = asked_weights(self.plan.method)
        self.mixer = mixer(self.plan.network, asked, self.plan.dtype, np.array(self.ks), np.array(heard))
        self.speakers = sorted({*self.owners[sources[mine]].tolist()} - {self.own})
        crossing = hers & (self.owners[targets] != self.own)
        self.audience: dict[int, list[int]] = {}
        for worker, k in sorted(
            {*zip(self.owners[targets[crossing]].tolist(), sources[crossing].tolist(), strict=True)}
        ):
            self.audience.setdefault(worker, []).append(k)

    def on_start(self, t: int, x0: np.ndarray) -> None:
        """Every agent at x0, its channel's memory empty."""
        for k, agent in self._each():
            key = key_for(self.key, 0, k, Purpose.START)
            if self.plan.pattern == "peers":
                self.states[k] = steps.init(self.plan.method, jnp.asarray(x0), agent, key)
                for phase, part in enumerate(phases_of(self.plan.method)):
                    message = part.message(self.states[k])
                    self.memories[k, phase] = self.plan.channel.init(message)
            else:
                self.states[k] = steps.init_client(self.plan.method, jnp.asarray(x0), agent, key)
                self.memories[k] = None

    def on_advance(self, t: int, rounds: int) -> None:
        """So many rounds, with nobody but the neighbours."""
        for now in range(t, t + rounds):
            key = key_for(self.key, now, 0, Purpose.NETWORK)
            weights, before = self.mixer.at(now, key), dict(self.states)
            for phase, part in enumerate(phases_of(self.plan.method)):
                self._exchange(now, phase, chosen(weights, part, self.plan.method))
            if self.mixer.sleepy:
                awake = np.asarray(self.mixer.awake(key))
                self.states = {k: state if awake[k] else before[k] for k, state in self.states.items()}

    def _exchange(self, t: int, phase: int, weights: Any) -> None:
        """Speak, listen, mix, update."""
        own, wires = [], {}
        for k, _ in self._each():
            key = keys_of_phase(key_for(self.key, t, k, Purpose.CHANNEL), phase)
            held = (self.states[k], self.memories[k, phase])
            message, wires[k], self.memories[k, phase] = steps.speak(
                self.plan.method, self.plan.channel, *held, key, phase=phase
            )
            own.append(message)
        for worker, ks in self.audience.items():
            self.link.send(worker, Envelope(self.own, "said", t, phase, {k: steps.arrays(wires[k]) for k in ks}))
        for worker in self.speakers:
            wires.update(self._said_by(worker, t, phase))
        heard = steps.pile([self._decoded(j, phase, wires[j], own[0]) for j in self.place])
        past = self.past.setdefault(phase, [heard] * self.plan.delay if t == 0 else [])
        past.insert(0, heard)
        heard = past[self.plan.delay]
        del past[self.plan.delay :]
        said = jax.tree.map(lambda leaf: leaf[np.array([self.place[k] for k in self.ks])], heard)
        mixed = mix(weights, steps.pile(own), said, heard)
        for i, (k, agent) in enumerate(self._each()):
            key = keys_of_phase(key_for(self.key, t, k, Purpose.WORK), phase)
            row = jax.tree.map(lambda leaf, i=i: leaf[i], mixed)
            self.states[k] = steps.update(self.plan.method, self.states[k], row, agent, key, phase=phase)

    def _decoded(self, j: int, phase: int, wire: Any, like: Any) -> Any:
        """What agent j said, by what this worker remembers of its earlier words."""
        memory = self.heard.get((j, phase))
        said, self.heard[j, phase] = self.plan.channel.decode(
            wire, self.plan.channel.init(like) if memory is None else memory
        )
        return said

    # --- clients -----------------------------------------------------------------------------------------------------

    def on_respond(self, t: int, heard: Any, share: dict[int, Shares]) -> Any:
        """The replies of those in the cohort, weighed and summed; one by one too for a rule that needs the stack."""
        total, replies, rule = None, {}, self.plan.aggregate or self.plan.method.aggregate
        for k, agent in self._each():
            if k not in share:
                continue
            keys = [key_for(self.key, t, k, purpose) for purpose in (Purpose.WORK, Purpose.CHANNEL)]
            said, shift, self.states[k], self.memories[k] = steps.visit(
                self.plan.method, self.plan.channel, heard, self.states[k], self.memories[k], agent, *keys)  # fmt: skip
            part = (weighed("mean" if callable(rule) else rule, share[k], said),
                    *weighed("mean", share[k], (shift, jnp.vdot(shift, shift))))  # fmt: skip
            total = part if total is None else jax.tree.map(jnp.add, total, part)
            if callable(rule):
                replies[k] = steps.arrays(said)
        return steps.arrays(total), replies

    def on_propose(self, t: int, heard: Any) -> dict[int, np.ndarray]:
        """What each agent would propose as its own model from here; nothing of it is kept."""
        found = {}
        for k, agent in self._each():
            key = key_for(self.key, t, k, Purpose.WORK)
            found[k] = np.asarray(steps.propose(self.plan.method, heard, self.states[k], agent, key))
        return found

    # --- the host's questions ----------------------------------------------------------------------------------------

    def on_models(self, t: int) -> dict[int, np.ndarray]:
        """Every agent's own model, or decision."""
        estimate = getattr(self.plan.method, "estimate", lambda state: state.x)
        return {k: np.asarray(estimate(self.states[k])) for k in self.ks}

    def on_losses(self, t: int, models: Any) -> dict[int, float]:
        """f_k, unweighted, at one model or at each agent's own."""
        plain = {k: single(self.plan.problem, self.plan.shape, np.ones_like(self.plan.scale), k) for k in self.ks}
        own = isinstance(models, dict)
        return {k: float(steps.value(plain[k], jnp.asarray(models[k] if own else models))) for k, _ in self._each()}

    def on_clearing(self, t: int, price: np.ndarray) -> dict[int, tuple[np.ndarray, float]]:
        """Each agent's part of the shared constraint, and its part of the dual function at this price."""
        return {
            k: steps.arrays(steps.clearing(agent, self.states[k].x, jnp.asarray(price))) for k, agent in self._each()
        }

    def on_state(self, t: int) -> Any:
        """Everything this worker holds."""
        return {self.own: steps.arrays((self.states, self.memories, self.heard, self.past))}

    def on_restore(self, t: int, held: Any) -> None:
        """Go on from what it held."""
        self.states, self.memories, self.heard, self.past = held
