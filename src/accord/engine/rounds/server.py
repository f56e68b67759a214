"""A round of a server and its clients; prices are this round with a dual variable in the middle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.engine.agent_kernels import Spread, spread_of
from accord.engine.coupled_metrics import market_record
from accord.engine.map_agents import map_agents
from accord.engine.planning.client_sampling import sample_clients
from accord.engine.rounds.turns import DEVICES, dealt_turns, in_order, sum_over_devices
from accord.engine.session import Outcome, Record
from accord.methods.traits import of_agent
from accord.problems.agent import OWN, Agent
from accord.problems.opaque import OpaqueAgent
from accord.robustness.aggregation import Shares, combined, shares, weighed


class ServerState(NamedTuple):
    """The state that a run with clients carries from round to round."""

    server: Any
    clients: Any  # stacked client states
    memories: Any  # the channel's, stacked
    disagreement: Array  # Σ p_k ‖y_k − ȳ‖² of the last round's proposals


class ChannelMemory(NamedTuple):
    """The channel's memory of one agent's messages."""

    sender: Any
    receiver: Any


class ReplySummary(NamedTuple):
    """The result of a visit to a client."""

    reply: Any  # its reply, as the server receives it
    shift: Array  # its proposal as the server can derive it from that, seen from the server's model
    square: Array  # ‖shift‖²


@pytree
@dataclass(frozen=True)
class Clients:
    """A server method over its clients: broadcast, respond, channel, aggregate, update."""

    method: Any
    agents: Agent  # stacked
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    cohort: int = field(metadata={"static": True})
    aggregate: Any = field(metadata={"static": True})  # "mean", "sum", one of them a field, or a rule over the stack
    devices: int = field(metadata={"static": True}, default=1)
    numbers: Any = None  # (K,) the agents' own, where they are a part of a larger crowd
    blank: Any = None  # a reply of zeros, where agents are opaque and its shape cannot be traced
    in_turn: bool = field(metadata={"static": True}, default=False)  # clients work one after another
    design: Any = None  # of cohorts drawn by weight; None where all clients are as likely
    counts: Any = None  # (K,) what a reply counts in the mean where it was drawn by weight, p_k/π_k

    def start(self, begin: Any, x0: Array) -> ServerState:
        """The server at `begin` (x0, or a market); every client at x0."""
        server = self.method.init(begin)
        ks = jnp.arange(len(self.p), dtype=jnp.int32)
        keys, numbers = jax.vmap(partial(self._key, 0, Purpose.START))(ks), ks if self.numbers is None else self.numbers
        begin_client = lambda k, agent, key: of_agent(self.method, k).init_client(x0, agent, key)  # noqa: E731
        clients = map_agents(begin_client, (0, self.agents.axes, 0))(numbers, self.agents, keys)
        empty = jax.vmap(self.channel.init)(self._blank(self.method.broadcast(server), clients, keys))
        return ServerState(server, clients, ChannelMemory(empty, empty), jnp.zeros((), self.p.dtype))

    def _blank(self, heard: Any, clients: Any, keys: Array) -> Any:
        """Replies with zeros for numbers: where a channel's memory begins."""
        if self.blank is not None:
            return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(self.p), *leaf.shape)), self.blank)
        respond = jax.vmap(self.method.respond, (None, 0, self.agents.axes, 0))
        reply, _ = jax.eval_shape(respond, heard, clients, self.agents, keys)
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), reply)

    def round(self, carry: ServerState, t: Array) -> ServerState:
        """Compute one round with one cohort."""
        heard = self.method.broadcast(carry.server)
        ks = self.asked(t)
        share = shares(self.p, ks, self.counts)
        total, replies, clients, memories = self.respond(carry, heard, ks, share, t)
        reply = self.aggregate(replies, share.mean) if callable(self.aggregate) else total.reply
        apart = jnp.maximum(total.square - jnp.vdot(total.shift, total.shift), 0)
        return ServerState(self.method.update(carry.server, reply), clients, memories, apart)

    def asked(self, t: Array) -> Array:
        """(cohort,) the clients of round t."""
        return sample_clients(self.key, t, len(self.p), self.cohort, self.design)

    def respond(
        self, carry: ServerState, heard: Any, ks: Array, share: Shares, t: Array
    ) -> tuple[ReplySummary, Any, Any, Any]:
        """Return a cohort's replies in total and one by one, and the state and memory of all clients after it."""
        return (self._one_by_one if self._serial else self._at_once)(carry, heard, ks, share, t)

    @property
    def _serial(self) -> bool:
        """True where clients come one after another: if the run requires it, or some of many pages are asked."""
        if isinstance(self.agents, OpaqueAgent):
            return False  # who are asked together
        return self.in_turn or (self.agents.rows.blocks is not None and self.cohort < len(self.p))

    @property
    def _rule(self) -> ReplySummary:
        """The rules by which replies are added up; what a rule over the stack replaces is averaged for nothing."""
        return ReplySummary("mean" if callable(self.aggregate) else self.aggregate, "mean", "mean")  # pyright: ignore[reportArgumentType]

    def _visit(
        self, heard: Any, agent: Agent, client: Any, memory: Any, k: Array, t: Array
    ) -> tuple[ReplySummary, Any, Any]:
        reply, client = self.method.respond(heard, client, agent, self._key(t, Purpose.WORK, k))
        wire, speaker = self.channel.encode(reply, memory.sender, self._key(t, Purpose.CHANNEL, k))
        said, listener = self.channel.decode(wire, memory.receiver)
        nothing = jnp.zeros((), self.p.dtype)  # in a market the violation is measured instead
        market = self.agents.share is not None
        spread = Spread(nothing, nothing) if market else spread_of(self.method, heard, said, client)
        return ReplySummary(said, *spread), client, ChannelMemory(speaker, listener)

    def _at_once(
        self, carry: ServerState, heard: Any, ks: Array, share: Shares, t: Array
    ) -> tuple[ReplySummary, Any, Any, Any]:
        """Compute every client of the cohort in one batch: best where each answers with a product or two."""
        everyone = self.cohort == len(self.p)
        mine = (self.agents, carry.clients, carry.memories)
        agents, clients, memories = mine if everyone else jax.tree.map(lambda leaf: leaf[ks], mine)
        visit = map_agents(self._visit, (None, self.agents.axes, 0, 0, 0, None))
        answers, clients, memories = visit(heard, agents, clients, memories, ks, t)
        total = combined(self._rule, share, answers)
        if everyone:
            return total, answers.reply, clients, memories
        put = lambda old, new: old.at[ks].set(new, mode="drop")  # noqa: E731
        return (
            total,
            answers.reply,
            jax.tree.map(put, carry.clients, clients),
            jax.tree.map(put, carry.memories, memories),
        )

    def _one_by_one(
        self, carry: ServerState, heard: Any, ks: Array, share: Shares, t: Array
    ) -> tuple[ReplySummary, Any, Any, Any]:
        """Compute one client after another, each device its part of the cohort: one copy of a model, no batch."""
        turns = self._turns(self.agents.rows.size[ks])
        ks, share = dealt_turns(turns, ks, len(self.p)), jax.tree.map(lambda part: dealt_turns(turns, part, 0), share)

        def visit(total: ReplySummary, at: tuple[Array, Shares]) -> tuple[ReplySummary, Any]:
            k, weight = at
            client, memory = jax.tree.map(lambda leaf: leaf[k], (carry.clients, carry.memories))
            answer, client, memory = self._visit(heard, self._agent(k), client, memory, k, t)
            total = jax.tree.map(jnp.add, total, weighed(self._rule, weight, answer))
            return total, (answer.reply if callable(self.aggregate) else None, client, memory)

        client, memory = jax.tree.map(lambda leaf: leaf[0], (carry.clients, carry.memories))
        one = jax.eval_shape(lambda k: self._visit(heard, self._agent(k), client, memory, k, t)[0], ks[0, 0])
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), one)
        total, rest = jax.lax.scan(visit, blank, self._own((ks, share)))
        if self.devices > 1:
            total = sum_over_devices(total)
            rest = jax.tree.map(lambda leaf: jax.lax.all_gather(leaf, DEVICES, tiled=True), rest)
        replies, clients, memories = rest
        put = lambda old, new: old.at[ks.ravel()].set(new, mode="drop")  # noqa: E731
        clients, memories = jax.tree.map(put, (carry.clients, carry.memories), (clients, memories))
        return total, jax.tree.map(lambda leaf: in_order(turns, leaf, self.cohort), replies), clients, memories

    def _turns(self, sizes: Array) -> Array:
        """(devices, turns): places in a list of agents; beyond its end for none.

        Where sizes differ the agents are dealt forth and back, the largest first, so that all devices have equal work.
        """
        count, part = len(sizes), -(-len(sizes) // self.devices)
        uneven = self.agents.rows.blocks is not None and self.devices > 1
        order = jnp.argsort(-sizes).astype(jnp.int32) if uneven else jnp.arange(count, dtype=jnp.int32)
        order = jnp.concatenate([order, jnp.full(part * self.devices - count, count, jnp.int32)])
        if not uneven:
            return order.reshape(self.devices, part)
        dealt = order.reshape(part, self.devices)
        return dealt.at[1::2].set(dealt[1::2, ::-1]).T

    def _own(self, dealt: Any) -> Any:
        """Return this device's turns."""
        device = jax.lax.axis_index(DEVICES) if self.devices > 1 else 0
        return jax.tree.map(lambda turns: turns[device], dealt)

    def _agent(self, k: Array) -> Agent:
        """Agent k, its rows read where they lie."""
        k = jnp.minimum(k, len(self.p) - 1)
        if isinstance(self.agents, OpaqueAgent):
            return jax.tree.map(lambda leaf: leaf[k], self.agents)
        pick = lambda tree: jax.tree.map(lambda leaf: leaf[k], tree)  # noqa: E731
        rows = replace(self.agents.rows, size=self.agents.rows.size[k], k=k)
        own = {name: pick(getattr(self.agents, name)) for name in ("scale", *OWN)}
        return replace(self.agents, rows=rows, **own)

    def _key(self, t: Array | int, purpose: Purpose, k: Array) -> Array:
        number = k if self.numbers is None else jnp.asarray(self.numbers)[jnp.minimum(k, len(self.p) - 1)]
        return key_for(self.key, t, number, purpose)

    def losses(self, models: Array, axis: int | None = None) -> Array:
        """f_k at one model for all, or at each agent's own (axis 0)."""
        if self.devices == 1:
            return map_agents(lambda agent, x: agent.value(x), (self.agents.axes, axis))(self.agents, models)
        return self._each(lambda k: self._agent(k).value(models if axis is None else models[k]))

    def own_models(self, carry: ServerState, heard: Any) -> Array:
        """(K, d) what each client makes of what it receives, where it has parts of its own."""
        return jax.vmap(self.method.own, (None, 0))(heard, carry.clients)

    @property
    def _personal(self) -> bool:
        return hasattr(self.method, "own")

    def _losses(self, carry: ServerState) -> Array:
        """f_k at the server's model, or at each client's own."""
        if not self._personal:
            return self.losses(carry.server.x)
        return self.losses(self.own_models(carry, self.method.broadcast(carry.server)), 0)

    def record(self, carry: ServerState) -> Record:
        """F at the server's model and the spread of the last proposals; or the cost, the violation and the dual."""
        if self.agents.share is not None:
            return market_record(self.agents, carry.clients.x, carry.server.price)
        losses = self._losses(carry)
        objective = self.p @ losses
        if self.regularizer is not None:
            objective = objective + self.regularizer.value(carry.server.x)
        worst = jnp.max(jnp.where(self.p > 0, losses, -jnp.inf))
        moved = jnp.sum((carry.server.x - self.x0) ** 2)
        return Record(objective, carry.disagreement, worst, jnp.full_like(objective, jnp.nan), moved)

    def step(self, before: ServerState, after: ServerState) -> Array:
        """The square of what a round moved: the server's model, or the price."""
        name = "x" if self.agents.share is None else "price"
        moved = getattr(after.server, name) - getattr(before.server, name)
        return jnp.vdot(moved, moved)

    def outcome(self, carry: ServerState, t: Array) -> Outcome:
        """The server's model, and each agent's own or what it would propose; or all decisions and the prices."""
        if self.agents.share is not None:
            decisions = carry.clients.x
            return Outcome(decisions, decisions, carry.server.price, self.losses(decisions, 0))
        return self.standing(carry)._replace(agents=self.models(carry, self.method.broadcast(carry.server), t))

    def standing(self, carry: ServerState) -> Outcome:
        """The same without the agents' own, so that none is asked."""
        return Outcome(carry.server.x, None, self.prices(carry), self._losses(carry))

    @property
    def proposes(self) -> bool:
        """True where an agent's own model is what it would propose, which takes a round's work of all to know."""
        return self.agents.share is None and not self._personal

    def prices(self, carry: ServerState) -> Array | None:
        """λ_k = p_k times what a client's own multiplier is per unit of its weight, where a method has such."""
        price = getattr(self.method, "price", None)
        return None if price is None else self.p * jax.vmap(price)(carry.clients)

    def models(self, carry: ServerState, heard: Any, t: Array) -> Array:
        """(K, d) each client's own model, or what it would propose as such; nothing of it is kept."""
        return self.own_models(carry, heard) if self._personal else self._proposals(carry, heard, t)

    def _proposals(self, carry: ServerState, heard: Any, t: Array) -> Array:
        def propose(k: Array) -> Array:
            client = jax.tree.map(lambda leaf: leaf[k], carry.clients)
            reply, client = self.method.respond(heard, client, self._agent(k), self._key(t, Purpose.WORK, k))
            return self.method.proposal(heard, reply, client)

        return self._each(propose)

    def _each(self, function: Callable[[Array], Array]) -> Array:
        """A function of every agent's number, one after another, each device its part of them."""
        K = len(self.p)
        if isinstance(self.agents, OpaqueAgent):
            return jax.vmap(function)(jnp.arange(K, dtype=jnp.int32))
        turns = self._turns(self.agents.rows.size)
        ks = self._own(dealt_turns(turns, jnp.arange(K, dtype=jnp.int32), K))
        values = jax.lax.map(lambda k: function(jnp.minimum(k, K - 1)), ks)
        return values if self.devices == 1 else in_order(turns, jax.lax.all_gather(values, DEVICES, tiled=True), K)
