"""Peers that meet in pairs: a scan over calls, on a virtual clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.clocks import Pace
from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.core.trees import agent_ids, tree_set, tree_take
from accord.engine.events.server import least_heard
from accord.engine.records import Elapsed, Staleness, timed
from accord.engine.rounds.peers import models_of, outcome_of, record_of, steps_of
from accord.engine.session import Outcome, Record
from accord.problems.agent import Agent, agent_at


class PairsState(NamedTuple):
    """The state that such a run carries from call to call."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at sender and receiver, stacked
    left: Array  # (K,) seconds until each agent's clock ticks
    elapsed: Elapsed
    seen: Array  # (K,) the last call in which each agent took part, from 1


@pytree
@dataclass(frozen=True)
class PairwiseGossip:
    """A method among peers, two at a time: one whose clock ticks calls a neighbour, and both mix half and half."""

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    neighbours: Any  # (K, places)
    degrees: Any  # (K,)
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    pace: Pace

    def start(self, x0: Array) -> PairsState:
        """Start every agent at x0, and every clock."""
        ks = agent_ids(len(self.p))
        keys = jax.vmap(lambda k: key_for(self.key, 0, k, Purpose.START))(ks)
        states = jax.vmap(self.method.init, (None, self.agents.axes, 0))(x0, self.agents, keys)
        empty = jax.vmap(self.channel.init)(jax.vmap(self.method.message)(states))
        left = jax.vmap(lambda k: self.pace.job(key_for(self.key, 0, k, Purpose.CLOCK), k).work)(ks)
        return PairsState(states, (empty, empty), left, Elapsed.none(x0.dtype), jnp.zeros_like(ks))

    def round(self, carry: PairsState, t: Array) -> PairsState:
        """Compute one call."""
        caller = jnp.argmin(carry.left).astype(jnp.int32)
        wait, job = carry.left[caller], self.pace.job(key_for(self.key, t + 1, caller, Purpose.CLOCK), caller)
        draw = key_for(self.key, t, caller, Purpose.NETWORK)
        place = jax.random.randint(draw, (), 0, jnp.maximum(self.degrees[caller], 1), jnp.int32)
        both = jnp.stack([caller, self.neighbours[caller, place]])
        before = tree_take((carry.states, carry.memories), both)
        after = self._exchange(before[0], before[1], both, t)
        kept = jax.tree.map(partial(jnp.where, job.lost), before, after)
        states, memories = tree_set((carry.states, carry.memories), both, kept)
        left = (carry.left - wait).at[caller].set(job.span)
        seen = carry.seen.at[both].set(jnp.where(job.lost, carry.seen[both], t + 1))
        return PairsState(states, memories, left, carry.elapsed.after(wait), seen)

    def _exchange(self, states: Any, memories: Any, both: Array, t: Array) -> tuple[Any, Any]:
        """Let two agents mix: own + ½ (received − sent)."""
        work, noise = (
            jax.vmap(lambda k, p=purpose: key_for(self.key, t, k, p))(both)
            for purpose in (Purpose.WORK, Purpose.CHANNEL)
        )
        speaker, listener = memories
        own = jax.vmap(self.method.message)(states)
        wire, speaker = jax.vmap(self.channel.encode)(own, speaker, noise)
        said, listener = jax.vmap(self.channel.decode)(wire, listener)
        mixed = jax.tree.map(lambda own, said: own + 0.5 * (said[::-1] - said), own, said)

        def update(k: Array, state: Any, mixed: Any, key: Array) -> Any:
            return self.method.update(state, mixed, agent_at(self.agents, k), key)

        return jax.vmap(update)(both, states, mixed, work), (speaker, listener)

    def record(self, carry: PairsState) -> Record:
        """F at the mean of the models, their variance about it, and the clock; what is received is never stale."""
        record = record_of(self, models_of(self, carry.states))._replace(oldest=least_heard(self.p, carry.seen))
        return timed(record, carry.elapsed, Staleness.none())

    def step(self, before: PairsState, after: PairsState) -> Array:
        """Σ of the squares of what a call moved."""
        return jnp.sum(steps_of(self, before.states, after.states))

    def outcome(self, carry: PairsState, t: Array) -> Outcome:
        """The mean of the models, and each of them."""
        return outcome_of(self, models_of(self, carry.states))
