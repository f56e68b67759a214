"""The cost of a round, known before running: messages, bytes and gradients."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.compilation import jit_by_loss
from accord.engine.planning.partial_work import works
from accord.engine.planning.plan import Plan
from accord.methods.contracts import Places
from accord.methods.traits import of_agent, phases_of
from accord.networks.faults import NO_FAULTS
from accord.problems.agent import Agent
from accord.problems.data.rows import Rows
from accord.problems.problem import single


class Cost(NamedTuple):
    """The mean cost of one round: what is lost was sent; an agent asleep neither works nor is sent to."""

    messages: float
    bytes: float
    gradients: float  # of a whole shard, the average over agents


def per_round(plan: Plan) -> Cost:
    """Count what leaves agents in a round, by type and size, without running it."""
    if plan.pattern == "peers":
        sizes = _peer_messages(plan)
        links = _links(plan)
        return Cost(links * len(sizes), links * sum(sizes), gradients(plan))
    down, up = _client_messages(plan)
    return Cost(2 * plan.heard, plan.heard * (down + up), gradients(plan))


def _links(plan: Plan) -> float:
    """Messages an exchange: one a directed link whose two ends are awake; in asynchronous runs, those of a pair, or of
    one agent on average.
    """
    if not plan.method.asynchronous:
        return plan.network.links * _awake(plan) ** 2
    return plan.network.links / plan.problem.K if hasattr(plan.method, "messages") else 2


def gradients(plan: Plan) -> float:
    """Gradients of a whole shard that a round costs an agent, on average."""
    chances = plan.chances * (plan.heard / plan.cohort) * _awake(plan)
    if (each := works(plan)) is not None:
        spent = np.array([work(n) for work, n in zip(each, plan.problem.sizes, strict=True)])
        return float(chances @ spent) / plan.problem.K
    columns = plan.x0.size if "hessian" in plan.method.needs else 0  # of a Hessian, each worth a gradient
    work = getattr(plan.method, "work", lambda size: 1.0 + columns)
    sizes, which = np.unique(plan.problem.sizes, return_inverse=True)
    asked = np.bincount(which, chances)
    return float(asked @ [work(n) for n in sizes]) / plan.problem.K


def _awake(plan: Plan) -> float:
    """Return an agent's chance to be awake in a round."""
    return 1 - getattr(plan.network, "faults", NO_FAULTS).sleep


def interval(plan: Plan, record: int | None) -> int:
    """Rounds between two records: evaluating F asks the panel one oracle each, and stays under a tenth of the work.

    Where `record` is given and longer than the window of the stop test, F is measured by the longest part of it that is
    no longer than a window, or the verdict would depend on what is kept of the history.
    """
    if record is not None:
        parts = range(math.ceil(record / plan.stop.window), record + 1)
        return record // next(n for n in parts if record % n == 0) if plan.stop.progress > 0 else record
    if plan.method.free_objective and not plan.problem.stored:
        return 1
    asked = len(plan.problem.panel) / plan.problem.K
    return max(1, math.ceil(10 * asked / max(gradients(plan), 0.1 * asked)))


def recorded(plan: Plan, record: int | None) -> Plan:
    """Give the plan with its rounds between two records, and the share of records that is kept."""
    every = interval(plan, record)
    return replace(plan, every=every, kept=(record or every) // every)


def _peer_messages(plan: Plan) -> list[int]:
    """Bytes of one agent's message to one neighbour, an entry an exchange."""
    said = _say(plan.problem.loss).eval_shape(plan.method, plan.channel, plan.x0, stand_in(plan))
    return [_size(wire) for wire in said]


@jit_by_loss  # traced once for all runs of the same shapes, and never run
def _say(method: Any, channel: Any, x0: Array, agent: Agent) -> list[Any]:
    """Give the messages to one neighbour, as they cross the wire."""
    key = jax.random.key(0)
    if hasattr(method, "messages"):
        one = Places(jnp.ones(1, bool), jnp.ones(1, bool))
        words = [jax.tree.map(lambda leaf: leaf[0], method.messages(method.init(x0, agent, one, key)))]
    else:
        state = method.init(x0, agent, key)
        words = [part.message(state) for part in phases_of(method)]
    return [channel.encode(word, channel.init(word), key)[0] for word in words]


def blank_reply(plan: Plan) -> Any:
    """Return a client's reply with zeros for numbers: where a channel's memory begins."""
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), _talk(plan)[1])


def _client_messages(plan: Plan) -> tuple[int, int]:
    """Bytes of what one client receives, and of what it replies."""
    heard, _, wire = _talk(plan)
    return _size(heard), _size(wire)


def _talk(plan: Plan) -> tuple[Any, Any, Any]:
    """The shapes of what one client receives, of what it replies, and of what crosses the wire of that."""
    begin = plan.x0 if plan.problem.coupling is None else plan.problem.coupling.market(plan.dtype)
    return _talked(plan.problem.loss).eval_shape(plan.method, plan.channel, begin, plan.x0, stand_in(plan))


@jit_by_loss
def _talked(method: Any, channel: Any, begin: Any, x0: Array, agent: Agent) -> tuple[Any, Any, Any]:
    key = jax.random.key(0)
    heard = method.broadcast(method.init(begin))
    reply, _ = method.respond(heard, of_agent(method, 0).init_client(x0, agent, key), agent, key)
    return heard, reply, channel.encode(reply, channel.init(reply), key)[0]


def stand_in(plan: Plan) -> Agent:
    """Return an agent of the right shapes: the first, or, for opaque ones, one with nothing to minimise."""
    if not plan.problem.opaque:
        return single(plan.problem, plan.shape, plan.scale, 0)
    share = None if plan.problem.coupling is None else plan.problem.coupling.shares(plan.dtype)
    one = jax.tree.map(lambda leaf: leaf[0], share)
    return Agent(lambda x, row: jnp.vdot(x, x), plan.shape, Rows(np.zeros(1), np.int32(1)), plan.scale[0], one)


def _size(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
