"""An asynchronous server: a scan over arrivals, on a virtual clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.clocks import Pace
from accord.core.pytrees import pytree
from accord.core.random import Purpose, key_for
from accord.core.trees import agent_ids, tree_broadcast, tree_set, tree_take
from accord.engine import agent_kernels
from accord.engine.planning.partial_work import part_done
from accord.engine.records import Elapsed, Staleness, timed
from accord.engine.rounds.peers import losses_of
from accord.engine.session import Outcome, Record
from accord.methods.contracts import Arrival
from accord.problems.agent import Agent, agent_at


class Jobs(NamedTuple):
    """The work that is under way, one place each: everything that an answer is about to be made of."""

    k: Any  # (C,) who is at it
    broadcast: Any  # the broadcast that it answers
    sent: Any  # at which arrival that was
    left: Any  # seconds until the answer is there
    lost: Any  # whether it never will be


class ClientState(NamedTuple):
    """The data that are kept of each agent; stacked, or of one."""

    client: Any  # its state
    memory: Any  # the channel's, at sender and receiver
    model: Array  # what it proposed last


class AsyncServerState(NamedTuple):
    """The state that such a run carries from arrival to arrival."""

    server: Any
    own: ClientState
    jobs: Jobs
    busy: Array  # (K,) seconds until each agent is done with all its jobs
    elapsed: Elapsed
    staleness: Staleness
    seen: Array  # (K,) the last arrival of each agent that was received, from 1
    turned: Array  # the last arrival at which the server took a step


@pytree
@dataclass(frozen=True)
class AsyncServer:
    """An asynchronous server over its clients: the first reply is received, and its agent is sent off anew.

    Where all are at work, the agent that replied gets the next job. Where only `cohort` jobs are under way, the next
    goes to an agent drawn at random, who does it after those it has: then all are received equally often, however slow.
    """

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    x0: Any  # (d,)
    pace: Pace
    cohort: int = field(metadata={"static": True})  # jobs under way, C

    def start(self, begin: Any, x0: Array) -> AsyncServerState:
        """The server at `begin`, which is x0, and the first of the clients sent off."""
        server, everyone = self.method.init(begin), agent_ids(len(self.p))
        keys = jax.vmap(lambda k: self._key(0, k, Purpose.START))(everyone)
        clients = jax.vmap(self.method.init_client, (None, self.agents.axes, 0))(x0, self.agents, keys)
        heard, respond = self.method.broadcast(server), jax.vmap(self.method.respond, (None, 0, self.agents.axes, 0))
        replies, _ = jax.eval_shape(respond, heard, clients, self.agents, keys)
        empty = jax.vmap(self.channel.init)(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), replies))
        busy = jnp.zeros_like(self.p)
        jobs = jax.vmap(lambda k: self._job(heard, busy, k, jnp.zeros((), jnp.int32)))(agent_ids(self.cohort))
        own = ClientState(clients, (empty, empty), tree_broadcast(x0, len(self.p)))
        never = jnp.zeros_like(everyone)
        return AsyncServerState(
            server, own, jobs, busy.at[jobs.k].set(jobs.left), Elapsed.none(x0.dtype), Staleness.none(), never, never[0]
        )

    def round(self, carry: AsyncServerState, t: Array) -> AsyncServerState:
        """Compute one arrival: the first answer is received, unless it is lost, and its agent is sent off anew."""
        place = jnp.argmin(carry.jobs.left)
        job = tree_take(carry.jobs, place)
        before = carry.server, tree_take(carry.own, job.k), carry.staleness
        after = self._arrived(*before, job, t)
        server, own, staleness = jax.tree.map(partial(jnp.where, job.lost), before, after)
        seen = carry.seen.at[job.k].set(jnp.where(job.lost, carry.seen[job.k], t + 1))
        stepped = jnp.where(turned(carry.server, server) & ~job.lost, t + 1, carry.turned)
        carry = carry._replace(
            server=server, own=tree_set(carry.own, job.k, own), staleness=staleness, seen=seen, turned=stepped
        )
        return self._sent(_later(carry, job.left), place, job.k, t + 1)

    def _arrived(
        self, server: Any, own: ClientState, staleness: Staleness, job: Jobs, t: Array
    ) -> tuple[Any, ClientState, Staleness]:
        """Return what an answer changes: the server, what is kept of its agent, and how stale answers are."""
        keys = (self._key(job.sent, job.k, purpose) for purpose in (Purpose.WORK, Purpose.CHANNEL))
        agent, held = self._agent(job.sent, job.k), (own.client, own.memory)
        said, shift, client, memory = agent_kernels.visit(self.method, self.channel, job.broadcast, *held, agent, *keys)
        server = self.method.update(server, Arrival(job.broadcast, said))
        return server, ClientState(client, memory, job.broadcast.x + shift), staleness.update(t - job.sent)

    def _sent(self, carry: AsyncServerState, place: Array, k: Array, t: Array) -> AsyncServerState:
        """The next job is under way, with the server as it is now."""
        if self.cohort < len(self.p):
            drawn = self._key(t, jnp.int32(len(self.p)), Purpose.COHORT)
            k = jax.random.randint(drawn, (), 0, len(self.p), jnp.int32)
        job = self._job(self.method.broadcast(carry.server), carry.busy, k, t)
        return carry._replace(jobs=tree_set(carry.jobs, place, job), busy=carry.busy.at[k].set(job.left))

    def _job(self, heard: Any, busy: Array, k: Array, t: Array) -> Jobs:
        part = part_done(self.method, self._agent(t, k))
        drawn = self.pace.job(self._key(t, k, Purpose.CLOCK), k, part)
        return Jobs(k, heard, t, jnp.maximum(busy[k], 0) + drawn.span, drawn.lost)

    def record(self, carry: AsyncServerState) -> Record:
        """F at the server's model, the spread of what was proposed last, the clock, and how stale answers have been."""
        losses = losses_of(self, carry.server.x)
        objective = self.p @ losses
        if self.regularizer is not None:
            objective = objective + self.regularizer.value(carry.server.x)
        apart = self.p @ jnp.sum((carry.own.model - self.p @ carry.own.model) ** 2, 1)
        worst = jnp.max(jnp.where(self.p > 0, losses, -jnp.inf))
        moved = jnp.sum((carry.server.x - self.x0) ** 2)
        oldest = jnp.minimum(least_heard(self.p, carry.seen), carry.turned)
        record = Record(objective, apart, worst, jnp.full_like(objective, jnp.nan), moved, oldest=oldest)
        return timed(record, carry.elapsed, carry.staleness)

    def step(self, before: AsyncServerState, after: AsyncServerState) -> Array:
        """The square of what an arrival moved."""
        moved = after.server.x - before.server.x
        return jnp.vdot(moved, moved)

    def outcome(self, carry: AsyncServerState, t: Array) -> Outcome:
        """The server's model, and what each agent would propose from it."""
        heard = self.method.broadcast(carry.server)

        def propose(k: Array) -> Array:
            agent, client = self._agent(t, k), tree_take(carry.own.client, k)
            return agent_kernels.propose(self.method, heard, client, agent, self._key(t, k, Purpose.WORK))

        proposals = jax.lax.map(propose, agent_ids(len(self.p)))
        return Outcome(carry.server.x, proposals, None, losses_of(self, carry.server.x))

    def _agent(self, t: Array, k: Array) -> Agent:
        """Agent k with work that it was sent off to at arrival t, of which it gets done what it does."""
        agent, law = agent_at(self.agents, k), self.pace.complete
        return agent if law is None else replace(agent, complete=law.draw(self._key(t, k, Purpose.COMPLETENESS), k))

    def _key(self, t: Array | int, k: Array, purpose: Purpose) -> Array:
        return key_for(self.key, t, k, purpose)


def turned(before: Any, after: Any) -> Any:
    """Return True where the server took a step: by its own count, where it keeps one; it may collect replies first."""
    return after.t != before.t if hasattr(after, "t") else True


def least_heard(p: Any, seen: Any) -> Array:
    """The arrival at which the agent of positive weight with the oldest last answer was received."""
    return jnp.min(jnp.where(jnp.asarray(p) > 0, seen, jnp.iinfo(jnp.int32).max))


def _later(carry: AsyncServerState, wait: Array) -> AsyncServerState:
    """The clock at the arrival that is next."""
    jobs = carry.jobs._replace(left=carry.jobs.left - wait)
    return carry._replace(jobs=jobs, busy=carry.busy - wait, elapsed=carry.elapsed.after(wait))
