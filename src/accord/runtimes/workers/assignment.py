"""A plan divided among workers: who works where, and what each is given: its own agents' data, and no other's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from accord.engine.cut_links import halo_of_agents, halo_of_messages
from accord.engine.events.worker import AsyncPeers
from accord.engine.graph_partition import graph_partition
from accord.engine.planning.cost import blank_reply
from accord.engine.planning.plan import Plan, required_weights
from accord.engine.rounds.edges import Edges, neighbourhood
from accord.engine.rounds.peers import Peers
from accord.engine.rounds.server import Clients
from accord.networks.faults import mixer
from accord.problems.agent import Agent
from accord.problems.data import shards as data
from accord.problems.opaque import Crowd, OpaqueAgent
from accord.problems.problem import in_precision, statistics_for
from accord.runtimes.vectorised import beginning


@dataclass(frozen=True, eq=False)
class Assignment:
    """The part of a plan that is assigned to one worker."""

    ks: np.ndarray  # its agents
    team: Any  # them as `Clients`, `Peers`, `Edges` or `AsyncPeers`, but for the key
    begin: tuple[Any, ...]  # what a team starts from
    recipients: tuple[int, ...]  # workers that receive from some of them
    senders: tuple[int, ...]  # workers that they receive from
    seed: int
    dtype: np.dtype
    crowd: Crowd | None  # its agents, where they are not JAX

    @property
    def agents(self) -> str:
        """Its agents, in words."""
        first, last = int(self.ks[0]), int(self.ks[-1])
        if len(self.ks) == 1:
            return f"agent {first}"
        return f"agents {first} to {last}" if last - first + 1 == len(self.ks) else f"{len(self.ks)} agents"


def divide(plan: Plan, wanted: int) -> tuple[Assignment, ...]:
    """Divide a plan into as many parts as wanted, or as there are agents: neighbours together, as far as that goes."""
    owners = graph_partition(plan.network if plan.pattern == "peers" else None, plan.problem.K, wanted)
    parts = range(int(owners.max()) + 1)
    return tuple(_part(plan, owners, worker) for worker in parts)


def _part(plan: Plan, owners: np.ndarray, worker: int) -> Assignment:
    ks = np.flatnonzero(owners == worker)
    key = None  # is made where it is used
    common: tuple[Any, Any, Any, Any] = (plan.problem.regularizer, plan.weights[ks], key, plan.x0)
    numbers, agents, audience, speakers = ks.astype(np.int32), _agents(plan, ks), (), ()
    if plan.pattern != "peers":
        rule = plan.aggregate or plan.method.aggregate
        blank = jax.tree.map(np.asarray, blank_reply(plan)) if plan.problem.opaque else None
        team = Clients(
            plan.method,
            agents,
            plan.channel,
            *common,
            len(ks),
            rule,
            numbers=numbers,
            blank=blank,
            in_turn=plan.sequential,
        )
    elif plan.method.asynchronous:
        present = neighbourhood(plan)[1][ks] if hasattr(plan.method, "messages") else None
        team = AsyncPeers(plan.method, agents, present, plan.channel, *common, numbers, plan.sequential)
    elif hasattr(plan.method, "messages"):
        network = mixer(plan.network, required_weights(plan.method), plan.dtype, ks, lists=True)
        border, audience, speakers = halo_of_messages(plan.network, owners, worker)
        team = Edges(plan.method, agents, network, border, plan.channel, *common, numbers)
    else:
        border, audience, speakers, among = halo_of_agents(plan.network, owners, worker)
        network = mixer(plan.network, required_weights(plan.method), plan.dtype, ks, among)
        places = np.searchsorted(among, ks)
        team = Peers(
            plan.method,
            agents,
            network,
            plan.channel,
            *common,
            plan.delay,
            numbers,
            border,
            places,
            in_turn=plan.sequential,
        )
    return Assignment(ks, team, beginning(plan), audience, speakers, plan.seed, plan.dtype, _crowd(plan, ks))


def _crowd(plan: Plan, ks: np.ndarray) -> Crowd | None:
    if not plan.problem.opaque:
        return None
    return Crowd(tuple(plan.problem.shards[k] for k in ks), tuple(map(int, ks)))


def _agents(plan: Plan, ks: np.ndarray) -> Any:
    """Stack some of the agents as one, for `each`."""
    problem, dtype = plan.problem, plan.dtype
    share = None if problem.coupling is None else jax.tree.map(lambda leaf: leaf[ks], problem.coupling.shares(dtype))
    own, sizes = [problem.shards[k] for k in ks], problem.sizes[ks]
    if problem.opaque:
        return OpaqueAgent.stacked(tuple(own), plan.scale[ks], share)
    if not sizes.any():  # arrays without rows cannot be indexed: a row of another agent, which is never counted
        own[0] = jax.tree.map(lambda leaf: leaf[:1], data.nonempty(problem.shards, int(ks[0]), problem.sizes))
    rows = data.layout(tuple(own), sizes, even=problem.coupling is not None)
    rows = replace(rows, data=in_precision(rows.data, dtype))
    statistics = jax.tree.map(lambda leaf: leaf[ks], statistics_for(problem, dtype))
    return Agent(problem.loss, plan.shape, rows, plan.scale[ks], share, statistics=statistics, apart=True)
