"""A round of peers, all agents at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.base import phases_of
from accord.networks.mixing import mix
from accord.problems.agents import Agent
from accord.runtimes.plan import Outcome, Purpose, Record, key_for


class Carry(NamedTuple):
    states: Any  # the method's, stacked
    memories: Any  # the channel's, a tuple with one an exchange


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Peers:
    """A method among peers: message, channel, exchange, mix, update, for all agents in one program."""

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    network: Any  # mixing weights
    channel: Any
    regularizer: Any
    p: Array
    key: Array

    def start(self, x0: Array) -> Carry:
        """Every agent at x0."""
        keys = self._keys(0, Purpose.START)
        states = jax.vmap(self.method.init, (None, 0, 0))(x0, self.agents, keys)
        said = [jax.vmap(part.message)(states) for part in phases_of(self.method)]
        return Carry(states, tuple(jax.vmap(self.channel.init)(message) for message in said))

    def round(self, carry: Carry, t: Array) -> Carry:
        """One round: every part of the method speaks and listens once."""
        states, memories = carry.states, []
        keys, noise = self._keys(t, Purpose.WORK), self._keys(t, Purpose.CHANNEL)
        for i, (part, memory) in enumerate(zip(phases_of(self.method), carry.memories, strict=True)):
            own = jax.vmap(part.message)(states)
            wire, memory = jax.vmap(self.channel.encode)(own, memory, _phase(noise, i))
            said = jax.vmap(self.channel.decode)(wire)
            mixed = mix(self.network, own, said, said)
            states = jax.vmap(part.update)(states, mixed, self.agents, _phase(keys, i))
            memories.append(memory)
        return Carry(states, tuple(memories))

    def models(self, carry: Carry) -> Array:
        """(K, d), every agent's own."""
        return jax.vmap(getattr(self.method, "estimate", lambda state: state.x))(carry.states)

    def record(self, carry: Carry) -> Record:
        """F at the mean of the models, and their variance about it."""
        models = self.models(carry)
        centre = self.p @ models
        losses = self._losses(centre)
        apart = self.p @ jnp.sum((models - centre) ** 2, 1)
        objective = self.p @ losses
        if self.regularizer is not None:
            objective = objective + self.regularizer.value(centre)
        worst = jnp.max(jnp.where(self.p > 0, losses, -jnp.inf))
        return Record(objective, apart, worst, jnp.full_like(objective, jnp.nan))

    def outcome(self, carry: Carry, t: Array) -> Outcome:
        """The mean of the models, and each of them."""
        models = self.models(carry)
        centre = self.p @ models
        return Outcome(centre, models, None, self._losses(centre))

    def _losses(self, x: Array) -> Array:
        plain = replace(self.agents, scale=jnp.ones_like(self.agents.scale))  # what an agent loses, whatever it weighs
        return jax.vmap(lambda agent: agent.value(x))(plain)

    def _keys(self, t: Array | int, purpose: Purpose) -> Array:
        return jax.vmap(lambda k: key_for(self.key, t, k, purpose))(jnp.arange(len(self.p), dtype=jnp.int32))


def _phase(keys: Array, i: int) -> Array:
    """The keys of a round's i-th exchange: the plain ones for the first."""
    return keys if i == 0 else jax.vmap(lambda key: jax.random.fold_in(key, i))(keys)
