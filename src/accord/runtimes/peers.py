"""A round of peers, all agents at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.base import phases_of
from accord.networks.faults import Mixer
from accord.networks.mixing import mix
from accord.problems.agents import Agent
from accord.runtimes.market import market_record
from accord.runtimes.plan import Outcome, Purpose, Record, chosen, key_for, keys_of_phase


class Carry(NamedTuple):
    """What a run among peers carries from round to round."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at speaker and listener, a pair an exchange
    past: Any  # what was said in the last rounds, newest first, an entry an exchange; empty without delay


@jax.tree_util.register_dataclass
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
    delay: int = field(metadata={"static": True}, default=0)

    def start(self, x0: Array) -> Carry:
        """Every agent at x0."""
        states = jax.vmap(self.method.init, (None, self.agents.axes, 0))(x0, self.agents, self._keys(0, Purpose.START))
        messages = [jax.vmap(part.message)(states) for part in phases_of(self.method)]
        empty = [jax.vmap(self.channel.init)(message) for message in messages]
        past = tuple((message,) * self.delay for message in messages)
        return Carry(states, tuple((memory, memory) for memory in empty), past)

    def round(self, carry: Carry, t: Array) -> Carry:
        """One round: every part of the method speaks and listens once."""
        key = key_for(self.key, t, 0, Purpose.NETWORK)
        weights = self.mixer.at(t, key)
        states, memories, pasts = carry.states, [], []
        keys, noise = self._keys(t, Purpose.WORK), self._keys(t, Purpose.CHANNEL)
        for i, (part, (speaker, listener), past) in enumerate(
                zip(phases_of(self.method), carry.memories, carry.past, strict=True)):  # fmt: skip
            own = jax.vmap(part.message)(states)
            wire, speaker = jax.vmap(self.channel.encode)(own, speaker, keys_of_phase(noise, i))
            said, listener = jax.vmap(self.channel.decode)(wire, listener)
            past = (said, *past)
            mixed = mix(chosen(weights, part, self.method), own, past[self.delay], past[self.delay])
            states = jax.vmap(part.update, (0, 0, self.agents.axes, 0))(states, mixed, self.agents, keys_of_phase(keys, i))
            memories.append((speaker, listener))
            pasts.append(past[: self.delay])
        if self.mixer.sleepy:
            awake = self.mixer.awake(key)
            states = jax.tree.map(partial(where_awake, awake), states, carry.states)
        return Carry(states, tuple(memories), tuple(pasts))

    def models(self, carry: Carry) -> Array:
        """(K, d), every agent's own."""
        return models_of(self, carry.states)

    def record(self, carry: Carry) -> Record:
        """F at the mean of the models, and their variance about it; or the cost, the violation and the dual."""
        if self.agents.share is not None:
            return market_record(self.agents, carry.states.x, jnp.mean(carry.states.price, 0))
        return record_of(self, self.models(carry))

    def outcome(self, carry: Carry, t: Array) -> Outcome:
        """The mean of the models, and each of them; or everybody's decisions and the mean of the agents' prices."""
        if self.agents.share is not None:
            x, price = carry.states.x, jnp.mean(carry.states.price, 0)
            return Outcome(x, x, price, jax.vmap(lambda agent, x: agent.value(x))(self.agents, x))
        return outcome_of(self, self.models(carry))

    def _keys(self, t: Array | int, purpose: Purpose) -> Array:
        return jax.vmap(lambda k: key_for(self.key, t, k, purpose))(jnp.arange(len(self.p), dtype=jnp.int32))


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
    return Record(objective, apart, worst, jnp.full_like(objective, jnp.nan))


def outcome_of(team: Any, models: Array) -> Outcome:
    """The mean of the models, each of them, and what each agent loses at the mean."""
    centre = team.p @ models
    return Outcome(centre, models, None, losses_of(team, centre))


def losses_of(team: Any, x: Array) -> Array:
    """f_k(x), whatever the agents weigh."""
    plain = replace(team.agents, scale=jnp.ones_like(team.agents.scale))
    return jax.vmap(lambda agent: agent.value(x), (plain.axes,))(plain)


def where_awake(awake: Array, new: Array, old: Array) -> Array:
    """The new state of those awake, the old one of those asleep."""
    return jnp.where(awake.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
