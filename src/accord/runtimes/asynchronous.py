"""A server that waits for nobody: a scan over arrivals, on a virtual clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.clocks import Pace
from accord.methods.base import Arrival
from accord.problems.agents import Agent
from accord.runtimes import steps
from accord.runtimes.elapsed import Elapsed, Staleness, TimedRecord, timed
from accord.runtimes.peers import losses_of
from accord.runtimes.plan import Outcome, Purpose, Record, key_for


class Jobs(NamedTuple):
    """The work that is under way, one place each: everything that an answer is about to be made of."""

    k: Any  # (C,) who is at it
    heard: Any  # the broadcast that it answers
    sent: Any  # at which arrival that was
    left: Any  # seconds until the answer is there
    lost: Any  # whether it never will be


class Carry(NamedTuple):
    """What such a run carries from arrival to arrival."""

    server: Any
    clients: Any  # stacked client states
    memories: Any  # the channel's, at speaker and listener, stacked
    models: Array  # (K, d) what each agent proposed last
    jobs: Jobs
    busy: Array  # (K,) seconds until each agent is done with all its jobs
    elapsed: Elapsed
    staleness: Staleness


class Concerned(NamedTuple):
    """What an arrival concerns: the server, and the one agent that is heard."""

    server: Any
    staleness: Staleness
    client: Any
    memory: Any
    model: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Arrivals:
    """An asynchronous server over its clients: whoever is first is heard, and sent off anew.

    Where everyone is at work, who was heard gets the next job. Where only `cohort` jobs are under way, the next goes to
    an agent drawn at random, who does it after those it has: then all are heard equally often, however slow they are.
    """

    method: Any
    agents: Agent  # stacked; oracles scaled by K·p_k
    channel: Any
    regularizer: Any
    p: Any
    key: Array
    pace: Pace
    cohort: int = field(metadata={"static": True})  # jobs under way, C

    def start(self, begin: Any, x0: Array) -> Carry:
        """The server at `begin`, which is x0, and the first of the clients sent off."""
        server, everyone = self.method.init(begin), _numbers(len(self.p))
        keys = jax.vmap(lambda k: self._key(0, k, Purpose.START))(everyone)
        clients = jax.vmap(self.method.init_client, (None, self.agents.axes, 0))(x0, self.agents, keys)
        heard = self.method.broadcast(server)
        client, agent = _of(clients, 0), one_of(self.agents, jnp.zeros((), jnp.int32))
        reply, _ = jax.eval_shape(self.method.respond, heard, client, agent, self.key)
        empty = self.channel.init(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), reply))
        busy = jnp.zeros_like(self.p)
        jobs = jax.vmap(lambda k: self._job(heard, busy, k, jnp.zeros((), jnp.int32)))(_numbers(self.cohort))
        return Carry(
            server, clients, _each((empty, empty), len(self.p)), _each(x0, len(self.p)), jobs,
            busy.at[jobs.k].set(jobs.left), Elapsed.none(x0.dtype), Staleness.none(),
        )  # fmt: skip

    def round(self, carry: Carry, t: Array) -> Carry:
        """One arrival: the clock moves on to it, what was said is heard, and who said it is sent off anew."""
        place = jnp.argmin(carry.jobs.left)
        job = _of(carry.jobs, place)
        carry = _later(carry, job.left)
        before = Concerned(carry.server, carry.staleness, *_of((carry.clients, carry.memories, carry.models), job.k))
        after = self._heard(before, job, t)
        server, staleness, *own = jax.tree.map(partial(jnp.where, job.lost), before, after)
        clients, memories, models = _put((carry.clients, carry.memories, carry.models), job.k, tuple(own))
        carry = carry._replace(server=server, staleness=staleness, clients=clients, memories=memories, models=models)
        return self._sent(carry, place, job.k, t + 1)

    def _heard(self, before: Concerned, job: Jobs, t: Array) -> Concerned:
        """What an answer changes."""
        keys = (self._key(job.sent, job.k, purpose) for purpose in (Purpose.WORK, Purpose.CHANNEL))
        agent, held = one_of(self.agents, job.k), (before.client, before.memory)
        said, shift, client, memory = steps.visit(self.method, self.channel, job.heard, *held, agent, *keys)
        server = self.method.update(before.server, Arrival(job.heard, said))
        return Concerned(server, before.staleness.see(t - job.sent), client, memory, job.heard.x + shift)

    def _sent(self, carry: Carry, place: Array, k: Array, t: Array) -> Carry:
        """The next job is under way, with the server as it is now."""
        if self.cohort < len(self.p):
            drawn = self._key(t, jnp.int32(len(self.p)), Purpose.COHORT)
            k = jax.random.randint(drawn, (), 0, len(self.p), jnp.int32)
        job = self._job(self.method.broadcast(carry.server), carry.busy, k, t)
        return carry._replace(jobs=_put(carry.jobs, place, job), busy=carry.busy.at[k].set(job.left))

    def _job(self, heard: Any, busy: Array, k: Array, t: Array) -> Jobs:
        drawn = self.pace.job(self._key(t, k, Purpose.CLOCK), k)
        return Jobs(k, heard, t, jnp.maximum(busy[k], 0) + drawn.span, drawn.lost)

    def record(self, carry: Carry) -> TimedRecord:
        """F at the server's model, the spread of what was proposed last, the clock, and how stale answers have been."""
        losses = losses_of(self, carry.server.x)
        objective = self.p @ losses
        if self.regularizer is not None:
            objective = objective + self.regularizer.value(carry.server.x)
        apart = self.p @ jnp.sum((carry.models - self.p @ carry.models) ** 2, 1)
        worst = jnp.max(jnp.where(self.p > 0, losses, -jnp.inf))
        record = Record(objective, apart, worst, jnp.full_like(objective, jnp.nan))
        return timed(record, carry.elapsed, carry.staleness)

    def outcome(self, carry: Carry, t: Array) -> Outcome:
        """The server's model, and what each agent would propose from it."""
        heard = self.method.broadcast(carry.server)

        def propose(k: Array) -> Array:
            agent, client = one_of(self.agents, k), _of(carry.clients, k)
            return steps.propose(self.method, heard, client, agent, self._key(t, k, Purpose.WORK))

        proposals = jax.lax.map(propose, _numbers(len(self.p)))
        return Outcome(carry.server.x, proposals, None, losses_of(self, carry.server.x))

    def _key(self, t: Array | int, k: Array, purpose: Purpose) -> Array:
        return key_for(self.key, t, k, purpose)


def one_of(agents: Agent, k: Array) -> Agent:
    """Agent k of a stack, its rows read where they lie."""
    return replace(agents, rows=replace(agents.rows, size=agents.rows.size[k], k=k), scale=agents.scale[k])


def _numbers(count: int) -> Array:
    return jnp.arange(count, dtype=jnp.int32)


def _of(tree: Any, k: Array | int) -> Any:
    return jax.tree.map(lambda leaf: leaf[k], tree)


def _each(tree: Any, K: int) -> Any:
    """The same for each of K agents."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (K, *leaf.shape)), tree)


def _put(trees: Any, k: Array, values: Any) -> Any:
    return jax.tree.map(lambda leaf, value: leaf.at[k].set(value), trees, values)


def _later(carry: Carry, wait: Array) -> Carry:
    """The clock at the arrival that is next."""
    jobs = carry.jobs._replace(left=carry.jobs.left - wait)
    return carry._replace(jobs=jobs, busy=carry.busy - wait, elapsed=carry.elapsed.after(wait))
