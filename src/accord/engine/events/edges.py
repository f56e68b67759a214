"""Asynchronous peers: a scan over activations, on a virtual clock, with messages under way meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.clocks import Pace
from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.core.trees import agent_ids, tree_set, tree_take
from accord.engine import agent_kernels
from accord.engine.events.server import least_heard
from accord.engine.records import Elapsed, Staleness, timed
from accord.engine.rounds.peers import models_of, outcome_of, record_of, steps_of
from accord.engine.session import Outcome, Record
from accord.problems.agent import Agent, agent_at


class Mailboxes(NamedTuple):
    """The messages to all; axes: (K, places) the receiver, and the sender's place."""

    message: Any  # on its way
    sent: Any  # at which waking it was sent
    left: Any  # seconds until it is there; infinite where nothing is on the way
    box: Any  # what came last
    age: Any  # at which waking that was sent
    new: Any  # whether it is unread

    def delivered(self) -> Mailboxes:
        """Put what has arrived into the box. What arrives at this very moment is not received yet."""
        came = self.left < 0
        box, age = _where(came, (self.message, self.sent), (self.box, self.age))
        return self._replace(left=jnp.where(came, jnp.inf, self.left), box=box, age=age, new=self.new | came)

    def with_messages(self, words: Any, t: Array, ways: Array, lost: Array) -> Mailboxes:
        """Send these messages. A link bears one message at a time: while it does, another is not sent."""
        goes = jnp.isinf(self.left) & ~lost
        word, sent, left = _where(
            goes, (words, jnp.full_like(self.sent, t), ways), (self.message, self.sent, self.left)
        )
        return self._replace(message=word, sent=sent, left=left)


class AsyncEdgesState(NamedTuple):
    """The state that such a run carries from activation to activation."""

    states: Any  # the method's, stacked
    memories: Any  # the channel's, at sender and receiver, one a directed link
    mailboxes: Mailboxes
    left: Array  # (K,) seconds until each agent wakes
    elapsed: Elapsed
    staleness: Staleness
    seen: Array  # (K,) the last waking of each agent, from 1


@pytree
@dataclass(frozen=True)
class AsyncEdges:
    """A method with a message for each neighbour: an active agent reads what has come, updates, sends, and works on.

    With agents of one pace and messages that need no time it keeps step: K activations are a round.
    """

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    neighbours: Any  # (K, places)
    present: Any  # (K, places) which places are a neighbour's
    back: Any  # (K, places) the place of an agent at its neighbour's
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    pace: Pace

    def start(self, x0: Array) -> AsyncEdgesState:
        """Start every agent at x0, and send its first messages."""
        K, t = len(self.p), jnp.zeros((), jnp.int32)
        ks = agent_ids(K)
        keys = jax.vmap(lambda k: key_for(self.key, 0, k, Purpose.START))(ks)
        states = jax.vmap(self.method.init, (None, self.agents.axes, 0, 0))(x0, self.agents, self.present, keys)
        words = jax.vmap(self.method.messages)(states)
        empty = jax.vmap(jax.vmap(self.channel.init))(words)
        free, none = jnp.full(self.present.shape, jnp.inf, x0.dtype), jnp.zeros(self.present.shape, jnp.int32)
        letters = Mailboxes(words, none, free, words, none, none.astype(bool))
        carry = AsyncEdgesState(
            states,
            (empty, empty),
            letters,
            jnp.zeros(K, x0.dtype),
            Elapsed.none(x0.dtype),
            Staleness.none(),
            jnp.zeros_like(ks),
        )
        return jax.lax.fori_loop(0, K, lambda k, carry: self._send(carry, jnp.asarray(k, jnp.int32), t), carry)

    def round(self, carry: AsyncEdgesState, t: Array) -> AsyncEdgesState:
        """Compute one activation: the clock moves on to it; its agent reads, updates, sends, and works on."""
        k, wait = jnp.argmin(carry.left).astype(jnp.int32), jnp.min(carry.left)
        letters = carry.mailboxes._replace(left=carry.mailboxes.left - wait)
        elapsed, seen = carry.elapsed.after(wait), carry.seen.at[k].set(t + 1)
        carry = carry._replace(mailboxes=letters, left=carry.left - wait, elapsed=elapsed, seen=seen)
        return self._send(self._receive(carry, k, t), k, t + 1)

    def _receive(self, carry: AsyncEdgesState, k: Array, t: Array) -> AsyncEdgesState:
        """Update agent k's state by the unread messages that it has received."""
        state, letters = tree_take((carry.states, carry.mailboxes), k)
        letters = letters.delivered()
        agent, key = agent_at(self.agents, k), key_for(self.key, t, k, Purpose.WORK)
        state = agent_kernels.update_edges(self.method, state, letters.box, letters.new, agent, key)
        age = jnp.max(jnp.where(letters.new, t - letters.age, 0))
        letters = letters._replace(new=jnp.zeros_like(letters.new))
        states, letters = tree_set((carry.states, carry.mailboxes), k, (state, letters))
        return carry._replace(states=states, mailboxes=letters, staleness=carry.staleness.update(age))

    def _send(self, carry: AsyncEdgesState, k: Array, t: Array) -> AsyncEdgesState:
        """Send agent k's messages over the links that are free, and begin its next piece of work."""
        state, memory, there = tree_take((carry.states, carry.memories, self.neighbours), k)
        purposes = Purpose.CHANNEL, Purpose.NETWORK, Purpose.CLOCK
        noise, ways, luck = (key_for(self.key, t, k, purpose) for purpose in purposes)
        wires, speaker = agent_kernels.speak_edges(self.method, self.channel, state, memory[0], noise)
        said, listener = jax.vmap(self.channel.decode)(wires, memory[1])
        draws = jax.vmap(lambda key: self.pace.job(key, k))(agent_kernels.key_of_places(ways, len(there)))
        at = jnp.where(self.present[k], there, len(self.p)), self.back[k]
        theirs = tree_take(carry.mailboxes, (there, self.back[k])).delivered()
        theirs = theirs.with_messages(said, t, draws.way, draws.lost)
        letters, memories = tree_set(carry.mailboxes, at, theirs), tree_set(carry.memories, k, (speaker, listener))
        left = carry.left.at[k].set(self.pace.job(luck, k).work)
        return carry._replace(memories=memories, mailboxes=letters, left=left)

    def record(self, carry: AsyncEdgesState) -> Record:
        """F at the mean of the models, their variance about it, the clock, and how old what was read has been."""
        record = record_of(self, models_of(self, carry.states))._replace(oldest=least_heard(self.p, carry.seen))
        return timed(record, carry.elapsed, carry.staleness)

    def step(self, before: AsyncEdgesState, after: AsyncEdgesState) -> Array:
        """Σ of the squares of what a waking moved."""
        return jnp.sum(steps_of(self, before.states, after.states))

    def outcome(self, carry: AsyncEdgesState, t: Array) -> Outcome:
        """The mean of the models, and each of them."""
        return outcome_of(self, models_of(self, carry.states))


def _where(mask: Array, new: Any, old: Any) -> Any:
    """Select the new values where the mask holds: whole messages, or numbers, by link."""

    def one(new: Array, old: Array) -> Array:
        return jnp.where(mask.reshape(mask.shape + (1,) * (old.ndim - mask.ndim)), new, old)

    return jax.tree.map(one, new, old)
