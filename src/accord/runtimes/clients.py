"""A round of a server and its clients; prices are this round with a dual variable in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.aggregation import Shares, combined, shares, weighed
from accord.problems.agents import Agent
from accord.runtimes.market import market_record
from accord.runtimes.plan import Outcome, Purpose, Record, key_for

DEVICES = "devices"
"""The mesh axis over which a cohort is divided."""


class Carry(NamedTuple):
    """What a run with clients carries from round to round."""

    server: Any
    clients: Any  # stacked client states
    memories: Any  # the channel's, stacked
    apart: Array  # Σ p_k ‖y_k − ȳ‖² of the last round's proposals


class Memory(NamedTuple):
    """What the channel keeps of one agent's word."""

    speaker: Any
    listener: Any


class Answer(NamedTuple):
    """What a visit to a client brings back."""

    said: Any  # its reply, as the server hears it
    shift: Array  # its proposal, seen from the server's model
    square: Array  # ‖shift‖²


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Clients:
    """A server method over its clients: broadcast, respond, channel, aggregate, update."""

    method: Any
    agents: Agent  # stacked
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    cohort: int = field(metadata={"static": True})
    aggregate: Any = field(metadata={"static": True})  # "mean", "sum", one of them a field, or a rule over the stack
    devices: int = field(metadata={"static": True}, default=1)

    def start(self, begin: Any, x0: Array) -> Carry:
        """The server at `begin` (x0, or a market); every client at x0."""
        server = self.method.init(begin)
        ks = jnp.arange(len(self.p), dtype=jnp.int32)
        keys = jax.vmap(lambda k: key_for(self.key, 0, k, Purpose.START))(ks)
        clients = jax.vmap(self.method.init_client, (None, 0, 0))(x0, self.agents, keys)
        heard = self.method.broadcast(server)
        reply, _ = jax.eval_shape(jax.vmap(self.method.respond, (None, 0, 0, 0)), heard, clients, self.agents, keys)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), reply)
        empty = jax.vmap(self.channel.init)(blank)
        return Carry(server, clients, Memory(empty, empty), jnp.zeros((), self.p.dtype))

    def round(self, carry: Carry, t: Array) -> Carry:
        """One round with one cohort."""
        heard = self.method.broadcast(carry.server)
        ks = self._cohort(t)
        share = shares(self.p, ks)
        visit = self._one_by_one if self.method.serial else self._at_once
        total, replies, clients, memories = visit(carry, heard, ks, share, t)
        reply = self.aggregate(replies, share.mean) if callable(self.aggregate) else total.said
        apart = jnp.maximum(total.square - jnp.vdot(total.shift, total.shift), 0)
        return Carry(self.method.update(carry.server, reply), clients, memories, apart)

    def _cohort(self, t: Array) -> Array:
        K = len(self.p)
        if self.cohort == K:
            return jnp.arange(K, dtype=jnp.int32)
        key = key_for(self.key, t, K, Purpose.COHORT)
        return jax.random.choice(key, K, (self.cohort,), replace=False).astype(jnp.int32)

    @property
    def _rule(self) -> Answer:
        """How answers add up; what a rule over the stack replaces is averaged for nothing."""
        return Answer("mean" if callable(self.aggregate) else self.aggregate, "mean", "mean")  # pyright: ignore[reportArgumentType]

    def _visit(self, heard: Any, agent: Agent, client: Any, memory: Any, k: Array, t: Array) -> tuple[Answer, Any, Any]:
        reply, client = self.method.respond(heard, client, agent, key_for(self.key, t, k, Purpose.WORK))
        wire, speaker = self.channel.encode(reply, memory.speaker, key_for(self.key, t, k, Purpose.CHANNEL))
        shift = self.method.proposal(heard, reply, client) - getattr(heard, "x", 0)
        said, listener = self.channel.decode(wire, memory.listener)
        return Answer(said, shift, jnp.vdot(shift, shift)), client, Memory(speaker, listener)

    def _at_once(self, carry: Carry, heard: Any, ks: Array, share: Shares, t: Array) -> tuple[Answer, Any, Any, Any]:
        """Every client of the cohort in one batch: best where each answers with a product or two."""
        everyone = self.cohort == len(self.p)
        mine = (self.agents, carry.clients, carry.memories)
        agents, clients, memories = mine if everyone else jax.tree.map(lambda leaf: leaf[ks], mine)
        visit = jax.vmap(self._visit, (None, 0, 0, 0, 0, None))
        answers, clients, memories = visit(heard, agents, clients, memories, ks, t)
        total = combined(self._rule, share, answers)
        if everyone:
            return total, answers.said, clients, memories
        put = lambda old, new: old.at[ks].set(new)  # noqa: E731
        return (
            total,
            answers.said,
            jax.tree.map(put, carry.clients, clients),
            jax.tree.map(put, carry.memories, memories),
        )

    def _one_by_one(self, carry: Carry, heard: Any, ks: Array, share: Shares, t: Array) -> tuple[Answer, Any, Any, Any]:
        """One client after another, each device its part of the cohort: one copy of a model, no batch of them."""
        ks, share = self._divide(ks, len(self.p)), jax.tree.map(lambda part: self._divide(part, 0), share)

        def visit(total: Answer, at: tuple[Array, Shares]) -> tuple[Answer, Any]:
            k, weight = at
            client, memory = jax.tree.map(lambda leaf: leaf[k], (carry.clients, carry.memories))
            answer, client, memory = self._visit(heard, self._agent(k), client, memory, k, t)
            total = jax.tree.map(jnp.add, total, weighed(self._rule, weight, answer))
            return total, (answer.said if callable(self.aggregate) else None, client, memory)

        client, memory = jax.tree.map(lambda leaf: leaf[0], (carry.clients, carry.memories))
        one = jax.eval_shape(lambda k: self._visit(heard, self._agent(k), client, memory, k, t)[0], ks[0])
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), one)
        total, rest = jax.lax.scan(visit, blank, (ks, share))
        if self.devices > 1:
            total = jax.lax.psum(total, DEVICES)
            ks, rest = jax.tree.map(lambda leaf: jax.lax.all_gather(leaf, DEVICES, tiled=True), (ks, rest))
        replies, clients, memories = rest
        put = lambda old, new: old.at[ks].set(new, mode="drop")  # noqa: E731
        clients, memories = jax.tree.map(put, (carry.clients, carry.memories), (clients, memories))
        return total, jax.tree.map(lambda leaf: leaf[: self.cohort], replies), clients, memories

    def _divide(self, values: Array, filler: int) -> Array:
        """This device's part of what a cohort has one of each."""
        if self.devices == 1:
            return values
        part = -(-len(values) // self.devices)
        whole = jnp.concatenate([values, jnp.full(part * self.devices - len(values), filler, values.dtype)])
        return jax.lax.dynamic_slice_in_dim(whole, jax.lax.axis_index(DEVICES) * part, part)

    def _agent(self, k: Array) -> Agent:
        """Agent k, its rows read where they lie."""
        k = jnp.minimum(k, len(self.p) - 1)
        pick = lambda tree: jax.tree.map(lambda leaf: leaf[k], tree)  # noqa: E731
        rows = replace(self.agents.rows, size=self.agents.rows.size[k], k=k)
        return replace(self.agents, rows=rows, scale=self.agents.scale[k], share=pick(self.agents.share))

    def losses(self, models: Array, axis: int | None = None) -> Array:
        """f_k at one model for all, or at each agent's own (axis 0)."""
        if self.devices == 1:
            return jax.vmap(lambda agent, x: agent.value(x), (0, axis))(self.agents, models)
        return self._each(lambda k: self._agent(k).value(models))

    def record(self, carry: Carry) -> Record:
        """F at the server's model and the spread of the last proposals; or the cost, the violation and the dual."""
        if self.agents.share is not None:
            return market_record(self.agents, carry.clients.x, carry.server.price)
        losses = self.losses(carry.server.x)
        objective = self.p @ losses
        if self.regularizer is not None:
            objective = objective + self.regularizer.value(carry.server.x)
        worst = jnp.max(jnp.where(self.p > 0, losses, -jnp.inf))
        return Record(objective, carry.apart, worst, jnp.full_like(objective, jnp.nan))

    def outcome(self, carry: Carry, t: Array) -> Outcome:
        """The server's model and what each agent would propose from it; or everybody's decisions and the prices."""
        if self.agents.share is not None:
            decisions = carry.clients.x
            return Outcome(decisions, decisions, carry.server.price, self.losses(decisions, 0))
        return Outcome(carry.server.x, self._proposals(carry, t), self._prices(carry), self.losses(carry.server.x))

    def _prices(self, carry: Carry) -> Array | None:
        """λ_k = p_k times what a client's own multiplier is per unit of its weight, where a method has such."""
        price = getattr(self.method, "price", None)
        return None if price is None else self.p * jax.vmap(price)(carry.clients)

    def _proposals(self, carry: Carry, t: Array) -> Array:
        heard = self.method.broadcast(carry.server)

        def propose(k: Array) -> Array:
            client = jax.tree.map(lambda leaf: leaf[k], carry.clients)
            reply, client = self.method.respond(heard, client, self._agent(k), key_for(self.key, t, k, Purpose.WORK))
            return self.method.proposal(heard, reply, client)

        return self._each(propose)

    def _each(self, function: Callable[[Array], Array]) -> Array:
        """A function of every agent's number, one after another, each device its part of them."""
        ks = self._divide(jnp.arange(len(self.p), dtype=jnp.int32), len(self.p))
        values = jax.lax.map(lambda k: function(jnp.minimum(k, len(self.p) - 1)), ks)
        return values if self.devices == 1 else jax.lax.all_gather(values, DEVICES, tiled=True)[: len(self.p)]
