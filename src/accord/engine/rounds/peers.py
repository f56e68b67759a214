"""A round of peers, all agents at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for, keys_of_phase
from accord.engine.coupled_metrics import market_record
from accord.engine.halo import Halo
from accord.engine.map_agents import map_agents
from accord.engine.planning.plan import selected_weights
from accord.engine.session import Outcome, Record
from accord.methods.traits import phases_of
from accord.networks.faults import Mixer
from accord.networks.mixing import mix
from accord.problems.agent import Agent


class PeersState(NamedTuple):
    """The state that a run among peers carries from round to round."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at sender and receiver, a pair an exchange
    sent: Any  # what was sent in the last rounds, newest first, an entry an exchange; empty without delay


@pytree
@dataclass(frozen=True)
class Peers:
    """A method among peers: message, channel, exchange, mix, update, for all agents in one program."""

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    mixer: Mixer
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    delay: int = field(metadata={"static": True}, default=0)
    numbers: Any = None  # the agents' own, where they are a part of a larger crowd, ...
    border: Halo | None = None  # ... from the rest of which they receive ...
    places: Any = None  # ... and where they themselves stand among all that are received
    in_turn: bool = field(metadata={"static": True}, default=False)  # agents work one after another

    def start(self, x0: Array) -> PeersState:
        """Start every agent at x0."""
        states = map_agents(self.method.init, (None, self.agents.axes, 0))(
            x0, self.agents, self._keys(0, Purpose.START)
        )
        messages = [jax.vmap(part.message)(states) for part in phases_of(self.method)]
        empty = [jax.vmap(self.channel.init)(message) for message in messages]
        past = tuple((self._of_all_heard(message),) * self.delay for message in messages)
        return PeersState(states, tuple((memory, self._of_all_heard(memory)) for memory in empty), past)

    def round(self, carry: PeersState, t: Array) -> PeersState:
        """Compute one round: every part of the method sends and receives once."""
        weights, before = self.weights(t), carry.states

        def exchange(phase: Any, carry: PeersState) -> PeersState:
            own, wire, carry = self.send(carry, t, phase)
            return self.receive(carry, own, wire, weights, t, phase)

        for phases in self._stretches(carry):
            if len(phases) == 1:
                carry = exchange(phases[0], carry)
            else:  # in line, XLA would fuse each exchange into all that follow, and work it out again in every one
                carry = jax.lax.fori_loop(phases[0], phases[-1] + 1, exchange, carry)
        return self.hold_asleep(carry, before, t)

    def _stretches(self, carry: PeersState) -> list[range]:
        """The exchanges of a round, those together that are alike; each alone where something is remembered of each."""
        if jax.tree.leaves((carry.memories, carry.sent)):
            return [range(phase, phase + 1) for phase in range(len(carry.memories))]
        return uniform_phases(phases_of(self.method))

    def weights(self, t: Array | int) -> Any:
        """The mixing weights of a round, by what a part asks of them."""
        return self.mixer.at(t, key_for(self.key, t, 0, Purpose.NETWORK))

    def send(self, carry: PeersState, t: Array | int, phase: Any) -> tuple[Any, Any, PeersState]:
        """Return what each agent wants to send in an exchange, and what of it crosses the wire."""
        own = jax.vmap(part_at(self.method, phase).message)(carry.states)
        speaker, listener = carry.memories[_place(phase)]
        noise = keys_of_phase(self._keys(t, Purpose.CHANNEL), phase)
        wire, speaker = jax.vmap(self.channel.encode)(own, speaker, noise)
        return own, wire, carry._replace(memories=_with(carry.memories, _place(phase), (speaker, listener)))

    def receive(self, carry: PeersState, own: Any, wire: Any, weights: Any, t: Array | int, phase: Any) -> PeersState:
        """Decode what all senders sent, mix, update."""
        part, place = part_at(self.method, phase), _place(phase)
        speaker, listener = carry.memories[place]
        said, listener = jax.vmap(self.channel.decode)(wire, listener)
        first = lambda new, old: jnp.where(jnp.asarray(t) == 0, new, old)  # noqa: E731
        past = (said, *(jax.tree.map(first, said, old) for old in carry.sent[place]))
        heard = past[self.delay]
        mine = heard if self.places is None else jax.tree.map(lambda leaf: leaf[self.places], heard)
        mixed = mix(selected_weights(weights, part, self.method), own, mine, heard)
        keys = keys_of_phase(self._keys(t, Purpose.WORK), phase)
        update = map_agents(part.update, (0, 0, self.agents.axes, 0), self.in_turn)
        states = update(carry.states, mixed, self.agents, keys)
        memories = _with(carry.memories, place, (speaker, listener))
        return PeersState(states, memories, _with(carry.sent, place, past[: self.delay]))

    def hold_asleep(self, carry: PeersState, before: Any, t: Array | int) -> PeersState:
        """Restore, after a round, the agents that slept through it."""
        return rested(self, carry, before, t)

    def _of_all_heard(self, tree: Any) -> Any:
        """Repeat the agents' first values for all that are received: empty channels, and messages of round 0."""
        if self.border is None:
            return tree
        count = len(self.border.order)
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[:1], (count, *leaf.shape[1:])), tree)

    def models(self, carry: PeersState) -> Array:
        """(K, d), every agent's own."""
        return models_of(self, carry.states)

    def record(self, carry: PeersState) -> Record:
        """F at the mean of the models, and their variance about it; or the cost, the violation and the dual."""
        if self.agents.share is not None:
            return market_record(self.agents, carry.states.x, jnp.mean(carry.states.price, 0))
        return record_of(self, self.models(carry))

    def step(self, before: PeersState, after: PeersState) -> Array:
        """Σ of the squares of what a round moved: the models, or the prices."""
        return jnp.sum(steps_of(self, before.states, after.states))

    def outcome(self, carry: PeersState, t: Array) -> Outcome:
        """The mean of the models, and each of them; or all decisions and the mean of the agents' prices."""
        if self.agents.share is not None:
            x, price = carry.states.x, jnp.mean(carry.states.price, 0)
            return Outcome(x, x, price, jax.vmap(lambda agent, x: agent.value(x))(self.agents, x))
        return outcome_of(self, self.models(carry))

    def _keys(self, t: Array | int, purpose: Purpose) -> Array:
        return keys_of(self, t, purpose)


def uniform_phases(parts: tuple[Any, ...]) -> list[range]:
    """The parts of a round, those in a row together that differ in nothing but their number `j`; the first by itself.

    >>> from accord.methods import Mudag
    >>> uniform_phases(Mudag(J=5).phases)
    [range(0, 1), range(1, 4), range(4, 5)]
    """
    stretches = [range(1)]
    for phase in range(1, len(parts)):
        one, other = parts[phase - 1], parts[phase]
        same = phase > 1 and hasattr(one, "j") and one._replace(j=other.j) == other
        first = stretches.pop().start if same else phase
        stretches.append(range(first, phase + 1))
    return stretches


def part_at(method: Any, phase: Any) -> Any:
    """A part of a round by its number, which in a loop over parts that are alike is traced."""
    parts = phases_of(method)
    return parts[phase] if isinstance(phase, int) else parts[1]._replace(j=phase)


def _place(phase: Any) -> int:
    """Return the place of an exchange's memories: in a loop there are none."""
    return phase if isinstance(phase, int) else 0


def keys_of(team: Any, t: Array | int, purpose: Purpose) -> Array:
    """The keys of a team's agents."""
    numbers = jnp.arange(len(team.p), dtype=jnp.int32) if team.numbers is None else team.numbers
    return jax.vmap(lambda k: key_for(team.key, t, k, purpose))(numbers)


def rested(team: Any, carry: Any, before: Any, t: Array | int) -> Any:
    """Restore, after a round, the agents that slept through it."""
    if not team.mixer.sleepy:
        return carry
    awake = team.mixer.awake(key_for(team.key, t, 0, Purpose.NETWORK))
    awake = awake if team.numbers is None else awake[team.numbers]
    return carry._replace(states=jax.tree.map(partial(where_awake, awake), carry.states, before))


def _with(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def models_of(team: Any, states: Any) -> Array:
    """(K, d), every agent's own."""
    return jax.vmap(getattr(team.method, "estimate", lambda state: state.x))(states)


def record_of(team: Any, models: Array) -> Record:
    """F at the mean of the models, and their variance about it."""
    centre = team.p @ models
    losses = losses_of(team, centre)
    apart = team.p @ jnp.sum((models - centre) ** 2, 1)
    objective = team.p @ losses
    if team.regularizer is not None:
        objective = objective + team.regularizer.value(centre)
    worst = jnp.max(jnp.where(team.p > 0, losses, -jnp.inf))
    moved = team.p @ jnp.sum((models - team.x0) ** 2, 1)
    return Record(objective, apart, worst, jnp.full_like(objective, jnp.nan), moved)


def steps_of(team: Any, before: Any, after: Any) -> Array:
    """(K,) p_k ‖x_k⁺ − x_k‖² of each agent's model; of its price, with equal weights, where agents share a constraint.

    - `before`, `after`: the states of the method, stacked.
    """
    if team.agents.share is not None:
        return jnp.sum((after.price - before.price) ** 2, 1) / team.agents.share.agents
    return team.p * jnp.sum((models_of(team, after) - models_of(team, before)) ** 2, 1)


def outcome_of(team: Any, models: Array) -> Outcome:
    """The mean of the models, each of them, and what each agent loses at the mean."""
    centre = team.p @ models
    return Outcome(centre, models, None, losses_of(team, centre))


def losses_of(team: Any, models: Array, axis: int | None = None) -> Array:
    """f_k, whatever the agents weigh, at one model for all or at each agent's own (axis 0)."""
    plain = replace(team.agents, scale=jnp.ones_like(team.agents.scale))
    return map_agents(lambda agent, x: agent.value(x), (plain.axes, axis))(plain, models)


def where_awake(awake: Array, new: Array, old: Array) -> Array:
    """The new state of those awake, the old one of those asleep."""
    return jnp.where(awake.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
