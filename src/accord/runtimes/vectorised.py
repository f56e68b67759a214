"""All agents at once: one compiled program of `vmap` over agents and loops over rounds, on any JAX device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from accord.core.compilation import jit_by_loss
from accord.core.devices import use_all_cpu_devices
from accord.core.lazy_sequence import LazySequence
from accord.core.stop_monitor import GOING, StopMonitor
from accord.core.verdict import verdict as verdict_on
from accord.engine.cut_links import halo_of_messages
from accord.engine.events.dispatch import asynchronous_engine, clock_model
from accord.engine.planning.plan import Plan, required_weights
from accord.engine.rounds.clocked import ClockedRounds
from accord.engine.rounds.edges import Edges
from accord.engine.rounds.peers import Peers
from accord.engine.rounds.server import Clients
from accord.engine.rounds.turns import DEVICES
from accord.engine.session import Outcome, Record
from accord.errors import MethodError
from accord.networks.faults import mixer
from accord.problems.agent import Agent
from accord.problems.problem import stacked

BLOCK = 256  # records a block holds at most


@dataclass(frozen=True)
class Vectorised:
    """Simulate every agent in one process: the fastest way, and the default.

    - `devices`: how many JAX devices to divide a cohort over; all of them when not given. On a CPU Accord asks JAX for
      one device a core, unless JAX is already running.

    >>> Vectorised()
    Vectorised(devices=None)
    """

    devices: int | None = None

    def start(self, plan: Plan) -> VectorisedSession:
        """A session with every agent at x0."""
        if plan.problem.opaque:
            raise MethodError(
                "The agents are opaque (NumPy functions), which cannot be compiled together. "
                "Use runtime=accord.runtimes.Threads()."
            )
        return VectorisedSession(plan, _devices(plan, self.devices))


def _devices(plan: Plan, wanted: int | None) -> list[Any]:
    """The devices that share a cohort: several only where clients work one after another, and enough of them.

    Where agents work all at once, XLA divides each operation over the cores of a single device already: it kept 1.0 to
    1.9 of two cores busy (benchmarks/devices.py), and dividing agents over a second was no quicker where it was tried.
    """
    use_all_cpu_devices()
    shared = plan.pattern == "server" and plan.sequential
    return jax.devices()[: max(1, min(wanted or len(jax.devices()), plan.cohort))] if shared else jax.devices()[:1]


class VectorisedSession:
    """A run in this process; see `Session`."""

    def __init__(self, plan: Plan, devices: list[Any]) -> None:
        self.plan, self.loss, self.round, self.verdict = plan, plan.problem.loss, 0, GOING
        self.mesh = Mesh(np.array(devices), (DEVICES,))
        everywhere = NamedSharding(self.mesh, PartitionSpec())
        self.team = jax.device_put(team_of(plan, len(devices)), everywhere)
        begun = _start(self.loss)(self.team, *beginning(plan)), plan.watch()
        self.carry, self.watch = jax.device_put(begun, everywhere)  # as a block returns them, or it is compiled twice

    def advance(self, records: int, every: int) -> Record:
        """Up to `records` times: record, then `every` rounds."""
        buffer, self.carry, self.watch, seen, verdict = _block(self.loss)(
            self.team,
            self.carry,
            self.watch,
            np.int32(self.round),
            np.int32(records),
            np.int32(every),
            mesh=self.mesh,
            inline=self.plan.every == 1 and every <= 1,
        )
        seen, self.verdict = int(seen), int(verdict)
        self.round += every * (seen - (self.verdict != GOING))
        return jax.tree.map(
            lambda leaf: np.asarray(leaf)[:seen], buffer
        )  # in NumPy: no slice of each length is compiled

    def outcome(self) -> Outcome:
        """Return the current answer of the run."""
        if not (isinstance(self.team, Clients) and self.team.proposes):
            found = _outcome(self.loss)(self.team, self.carry, np.int32(self.round), mesh=self.mesh)
            return jax.tree.map(np.asarray, found)
        found = jax.tree.map(np.asarray, _standing(self.loss)(self.team, self.carry, mesh=self.mesh))
        return found._replace(
            agents=LazySequence(self.plan.problem.K, partial(self._proposals, self.carry, self.round))
        )

    def _proposals(self, carry: Any, round: int) -> Any:
        with jax.enable_x64(self.plan.dtype == np.float64):
            return np.asarray(_outcome(self.loss)(self.team, carry, np.int32(round), mesh=self.mesh).agents)

    def state(self) -> Any:
        """The method's, the channel's and the watch's state."""
        return jax.tree.map(np.asarray, (self.carry, self.watch))

    def restore(self, state: Any, round: int) -> None:
        """Go on from `state` after `round` rounds."""
        self.carry, self.watch = jax.device_put(state, NamedSharding(self.mesh, PartitionSpec()))
        self.round = round

    def close(self) -> None:
        """Do nothing: nothing is held."""


def team_of(plan: Plan, devices: int) -> Any:
    """Choose the team that computes the rounds: with a clock where the plan has one; of events, if asynchronous."""
    agents, key = stacked(plan.problem, plan.shape, plan.scale), jax.random.key(plan.seed)
    if plan.method.asynchronous:
        return asynchronous_engine(plan, agents, key)
    team = _in_step(plan, agents, key, devices)
    return team if plan.clock is None else ClockedRounds(team, clock_model(plan), key)


def _in_step(plan: Plan, agents: Agent, key: Array, devices: int) -> Peers | Edges | Clients:
    if plan.pattern == "peers":
        private = hasattr(plan.method, "messages")
        network = mixer(plan.network, required_weights(plan.method), plan.dtype, lists=private)
        if private:
            border, *_ = halo_of_messages(plan.network, np.zeros(plan.problem.K, int), 0)
            told = (plan.channel, plan.problem.regularizer, plan.weights, key, plan.x0)
            return Edges(plan.method, agents, network, border, *told)
        return Peers(
            plan.method,
            agents,
            network,
            plan.channel,
            plan.problem.regularizer,
            plan.weights,
            key,
            plan.x0,
            plan.delay,
            in_turn=plan.sequential,
        )
    aggregate = plan.aggregate or plan.method.aggregate
    return Clients(
        plan.method,
        agents,
        plan.channel,
        plan.problem.regularizer,
        plan.weights,
        key,
        plan.x0,
        plan.cohort,
        aggregate,
        devices,
        in_turn=plan.sequential,
        design=plan.design,
        counts=plan.counts,
    )


def beginning(plan: Plan) -> tuple[Any, ...]:
    """Return what a team starts from: x0, or a market and x0."""
    if plan.pattern == "peers":
        return (plan.x0,)
    return (plan.x0 if plan.problem.coupling is None else plan.problem.coupling.market(plan.dtype), plan.x0)


def program(plan: Plan) -> tuple[str, list[Any]]:
    """A round as JAX traces it, and all arrays in it: the same for the same mathematics on the same data, anywhere."""
    team = team_of(plan, 1)
    carry = jax.eval_shape(_start(plan.problem.loss), team, *beginning(plan))
    traced = jax.make_jaxpr(lambda team, carry, t: team.round(carry, t))(team, carry, np.int32(0))
    arrays = [*traced.consts, *map(_numbers, jax.tree.leaves(team))]
    return re.sub(r" at 0x[0-9a-f]+", "", str(traced)), arrays


def _numbers(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if jnp.issubdtype(jnp.asarray(leaf).dtype, jax.dtypes.prng_key) else leaf


@jit_by_loss
def _start(team: Peers | Edges | Clients, *begin: Any) -> Any:
    return team.start(*begin)


def on_every_device(function: Any, mesh: Mesh) -> Any:
    """Run a function on every device; where a cohort is divided, each works on its part."""
    if mesh.size == 1:
        return function
    return jax.shard_map(function, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False)


@partial(jit_by_loss, static_argnames=("mesh", "inline"), donate_argnames=("carry",))
def _block(
    team: Any, carry: Any, watch: StopMonitor, t0: Array, records: Array, every: Array, *, mesh: Mesh, inline: bool
) -> Any:
    return on_every_device(partial(block, inline=inline), mesh)(team, carry, watch, t0, records, every)


def block(team: Any, carry: Any, watch: StopMonitor, t0: Array, records: Array, every: Array, *, inline: bool) -> Any:
    """`records` times: record, look whether to stop, and `every` rounds; what was recorded, and where that leaves all.

    A record is taken before the rounds that follow it, so that F(x) shares its forward pass with the gradient at x;
    this needs the round in line with the record, not in a loop of its own.
    """
    shape = jax.eval_shape(lambda: team.record(carry)._replace(residual=watch.residual))
    buffer = jax.tree.map(lambda leaf: jnp.zeros((BLOCK, *leaf.shape), leaf.dtype), shape)

    def one(i: Any, at: tuple[Any, Array], t: Array) -> tuple[Any, Array]:
        carry, travel = at
        after = team.round(carry, t + i)
        return after, travel + team.step(carry, after)

    def rounds(carry: Any, t: Array, every: Array, nothing: Array) -> tuple[Any, Array]:
        """So many rounds, and Σ over them of the squares of what each moved."""
        if inline:
            return one(0, (carry, nothing), t)
        return jax.lax.fori_loop(0, every, partial(one, t=t), (carry, nothing))

    def body(loop: tuple[Any, ...]) -> tuple[Any, ...]:
        buffer, carry, watch, i, _ = loop
        record = team.record(carry)._replace(residual=watch.residual)
        buffer = jax.tree.map(lambda all, one: all.at[i].set(one), buffer, record)
        watch = watch.update(record.seen, record.oldest)
        verdict = verdict_on(watch)
        go = (verdict == GOING) & (every > 0)
        count, nothing = jnp.where(go, every, 0), jnp.zeros_like(watch.travel)
        after, travel = rounds(carry, t0 + i * every, count, nothing)
        if inline:
            after = jax.tree.map(lambda new, old: jnp.where(go, new, old), after, carry)
        return buffer, after, watch.went(jnp.where(go, travel, 0), count), i + 1, verdict

    going = lambda loop: (loop[3] < records) & (loop[4] == GOING)  # noqa: E731
    zero = jnp.zeros((), jnp.int32)
    return jax.lax.while_loop(going, body, (buffer, carry, watch, zero, zero))


@partial(jit_by_loss, static_argnames=("mesh",))
def _standing(team: Clients, carry: Any, *, mesh: Mesh) -> Outcome:
    return on_every_device(lambda team, carry: team.standing(carry), mesh)(team, carry)


@partial(jit_by_loss, static_argnames=("mesh",))
def _outcome(team: Any, carry: Any, t: Array, *, mesh: Mesh) -> Outcome:
    return on_every_device(lambda team, carry, t: team.outcome(carry, t), mesh)(team, carry, t)
