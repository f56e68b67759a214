"""A cohort at a time: data are fetched, and states written back, for as many clients as a disk can hold."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from accord.core.compilation import jit_by_loss
from accord.core.devices import use_all_cpu_devices
from accord.core.stop_monitor import GOING, StopMonitor
from accord.core.verdict import verdict as verdict_on
from accord.engine.client_store import ClientStore
from accord.engine.planning.client_sampling import sample_clients
from accord.engine.planning.plan import Plan
from accord.engine.rounds.peers import where_awake
from accord.engine.rounds.server import Clients, ServerState
from accord.engine.rounds.turns import DEVICES
from accord.engine.session import Outcome, Record
from accord.errors import MethodError
from accord.problems.agent import Agent
from accord.problems.data.rows import Rows
from accord.problems.data.shards import block_length
from accord.problems.problem import Problem
from accord.runtimes.pages import fetched_rows, page_count, page_room
from accord.runtimes.vectorised import Vectorised, on_every_device


@dataclass(frozen=True)
class Streamed:
    """Simulate a server and a crowd: a round touches its cohort and no other agent, so that a million clients fit.

    The data of the next cohort are fetched while the current one works; what clients hold between rounds, such as
    SCAFFOLD's control variates, is kept in a file. The numbers are those of `Vectorised`. Where shards are `Stored`,
    the objective, the worst loss and every agent's own model are those of the panel; `Run.facts.population` is the
    number of all.

    - `store`: a directory for the clients' states, a row a client in one file; a temporary one when not given.
    - `devices`: how many JAX devices to divide a cohort over; all of them when not given.

    Raises `MethodError` for peers, prices and asynchronous methods, whose rounds touch all agents.

    >>> import accord
    >>> crowd = accord.problems.generated(lambda k: np.array([k % 7.0]), sizes=np.ones(10**6, int))
    >>> problem = accord.Problem(lambda x, c: (x - c) ** 2, crowd, x0=0.0)
    >>> run = accord.run(problem, accord.FedSGD(0.1), participation=1000, stop=accord.Stop(rounds=50, progress=0))
    >>> float(run.x.round(1)), run.facts.population, len(run.agents)
    (3.0, 1000000, 1000)
    """

    store: str | Path | None = None
    devices: int | None = None

    def start(self, plan: Plan) -> StreamedSession:
        """A session with the server at x0, and no client asked yet."""
        what = (
            "peers, who all work in every round"
            if plan.pattern == "peers"
            else "a shared constraint, to which everybody contributes"
            if plan.coupled
            else "opaque agents, which cannot be compiled"
            if plan.problem.opaque
            else "a clock"
            if plan.method.asynchronous or plan.clock is not None
            else ""
        )
        if what:
            raise MethodError(
                f"Streamed asks a server's clients a cohort at a time, but {type(plan.method).__name__} "
                f"has {what}. Use Vectorised() or Threads()."
            )
        use_all_cpu_devices()
        available = jax.devices() if plan.sequential else jax.devices()[:1]
        return StreamedSession(plan, self.store, available[: max(1, min(self.devices or len(available), plan.cohort))])


def runtime_for(problem: Problem, runtime: Any) -> Any:
    """The runtime that was given, where it can do with the problem's shards; else the default."""
    if runtime is None:
        return Streamed() if problem.stored else Vectorised()
    if problem.stored and not isinstance(runtime, Streamed):
        raise MethodError(
            f"The shards are stored elsewhere, and {type(runtime).__name__} holds all in memory. Use "
            "accord.runtimes.Streamed(), or Problem(loss, list(shards)) where they fit."
        )
    return runtime


class CohortData(NamedTuple):
    """A cohort on its way: who, and their data."""

    ks: np.ndarray
    rows: Future[Rows]


class StreamedState(NamedTuple):
    """The states of some clients from earlier rounds, and whether they were asked in any."""

    known: Any
    clients: Any
    memories: Any


class StreamedSession:
    """A run that streams its clients; see `Session`."""

    def __init__(self, plan: Plan, store: str | Path | None, devices: list[Any]) -> None:
        self.plan, self.loss, self.round, self.verdict = plan, plan.problem.loss, 0, GOING
        self.mesh = Mesh(np.array(devices), (DEVICES,))
        self.key, self.p, self.design = jax.random.key(plan.seed), plan.weights, jax.device_put(plan.design)
        sizes, panel = plan.problem.sizes, plan.problem.panel
        self.largest = int(sizes.max())
        self.length = block_length(sizes) or self.largest
        self.room = page_room(sizes, self.length, plan.chances)
        self.x0 = self._replicated(plan.x0)
        room = max(page_count(sizes[panel], self.length), 1)
        self.panel = self._team(panel, fetched_rows(plan, panel, self.length, room, self.largest))
        self.examined = replace(self.panel, p=self.panel.p / self.panel.p.sum())
        server, one, self.apart = jax.tree.map(np.asarray, _start(self.loss)(self.panel, self.x0, mesh=self.mesh))
        self.server = self._replicated(server)
        self.states = ClientStore(store, plan.problem.K, one)
        self.watch = self._replicated(plan.watch())
        self.fetcher = ThreadPoolExecutor(1, "accord-fetches")
        self.coming, self.travel = self._ask(0), np.zeros((), plan.dtype)

    # --- a session ---------------------------------------------------------------------------------------------------

    def advance(self, records: int, every: int) -> Record:
        """Record, then `every` rounds, `records` times, until the monitor stops the run."""
        found = []
        for _ in range(records):
            record, self.watch, verdict = _look(self.loss)(self.examined, *self._standing(), self.watch, mesh=self.mesh)
            found.append(record)
            self.verdict = int(verdict)
            if self.verdict != GOING:
                break
            for _ in range(every):
                self._live()
            self.watch = self._replicated(self.watch.went(self.travel, np.int32(every)))
            self.travel = np.zeros((), self.plan.dtype)
        return jax.tree.map(lambda *column: np.array(column), *found)

    def outcome(self) -> Outcome:
        """The server's model, and what the panel would propose from it and loses at it."""
        found = _outcome(self.loss)(self.panel, *self._standing(), np.int32(self.round), mesh=self.mesh)
        return jax.tree.map(np.asarray, found)

    def state(self) -> Any:
        """The server's and the watch's state, and what each client holds that was ever asked."""
        ks = np.flatnonzero(self.states.known)
        return *jax.tree.map(np.asarray, (self.server, self.apart, self.watch)), ks, self.states.read(ks)

    def restore(self, state: Any, round: int) -> None:
        """Go on from `state` after `round` rounds."""
        *ours, ks, held = state
        self.server, self.apart, self.watch = self._replicated(tuple(ours))
        self.states.write(ks, held)
        self.round, self.coming = round, self._ask(round)

    def close(self) -> None:
        """End the thread that fetches, and let the states go."""
        self.fetcher.shutdown(cancel_futures=True)
        self.states.close()

    # --- a round -----------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        """Compute one round: take the cohort that was fetched, have the next one fetched, work, write back."""
        ks, rows = self.coming.ks, self.coming.rows.result()
        self.coming = self._ask(self.round + 1)
        team = self._team(ks, rows)
        after = _round(self.loss)(
            team, self.server, self.apart, self._held(ks), self.x0, np.int32(self.round), mesh=self.mesh
        )
        self.travel = self.travel + _step(self.loss)(team, self.server, after.server)
        self.server, self.apart = after.server, after.disagreement
        self.states.write(ks, (after.clients, after.memories))
        self.round += 1

    def _ask(self, t: int) -> CohortData:
        """Return the agents that work in round t, their data on the way."""
        ks = np.asarray(sample_clients(self.key, t, self.plan.problem.K, self.plan.cohort, self.design))
        return CohortData(ks, self.fetcher.submit(fetched_rows, self.plan, ks, self.length, self.room, self.largest))

    def _team(self, ks: np.ndarray, rows: Rows) -> Clients:
        """These clients by themselves, under their own numbers."""
        plan = self.plan
        agents = Agent(plan.problem.loss, plan.shape, rows, np.ones(len(ks), plan.dtype))
        counts = None if plan.counts is None else plan.counts[ks]
        return self._replicated(
            Clients(
                plan.method,
                agents,
                plan.channel,
                plan.problem.regularizer,
                self.p[ks],
                self.key,
                plan.x0,
                len(ks),
                plan.aggregate or plan.method.aggregate,
                self.mesh.size,
                ks.astype(np.int32),
                in_turn=plan.sequential,
                counts=counts,
            )
        )

    def _held(self, ks: np.ndarray) -> StreamedState:
        return self._replicated(StreamedState(self.states.known[ks], *self.states.read(ks)))

    def _standing(self) -> tuple[Any, ...]:
        """Return where the run stands, with what the panel holds."""
        return self.server, self.apart, self._held(self.plan.problem.panel), self.x0

    def _replicated(self, tree: Any) -> Any:
        return jax.device_put(tree, NamedSharding(self.mesh, PartitionSpec()))


def _resumed(team: Clients, server: Any, apart: Array, held: StreamedState, x0: Array) -> ServerState:
    """The team where it stands: who was never asked is at x0, as if it had been there from the start."""
    fresh = team.start(x0, x0)
    clients, memories = jax.tree.map(
        partial(where_awake, held.known), (held.clients, held.memories), (fresh.clients, fresh.memories)
    )
    return ServerState(server, clients, memories, apart)


@partial(jit_by_loss, static_argnames=("mesh",))
def _start(team: Clients, x0: Array, *, mesh: Mesh) -> tuple[Any, Any, Array]:
    """The server at x0, what one client holds there, and no client apart."""

    def start(team: Clients, x0: Array) -> tuple[Any, Any, Array]:
        begun = team.start(x0, x0)
        return begun.server, jax.tree.map(lambda leaf: leaf[0], (begun.clients, begun.memories)), begun.disagreement

    return on_every_device(start, mesh)(team, x0)


@partial(jit_by_loss, static_argnames=("mesh",))
def _round(
    team: Clients, server: Any, apart: Array, held: StreamedState, x0: Array, t: Array, *, mesh: Mesh
) -> ServerState:
    return on_every_device(lambda team, *at: team.round(_resumed(team, *at[:-1]), at[-1]), mesh)(
        team, server, apart, held, x0, t
    )


@partial(jit_by_loss, static_argnames=("mesh",))
def _look(
    team: Clients, server: Any, apart: Array, held: StreamedState, x0: Array, watch: StopMonitor, *, mesh: Mesh
) -> tuple[Record, StopMonitor, Array]:
    """The record over the panel, and the monitor's verdict on it."""
    record = on_every_device(lambda team, *at: team.record(_resumed(team, *at)), mesh)(team, server, apart, held, x0)
    record = record._replace(residual=watch.residual)
    watch = watch.update(record.seen, record.oldest)
    return record, watch, verdict_on(watch)


@jit_by_loss
def _step(team: Clients, before: Any, after: Any) -> Array:
    """The square of what a round moved the server's model."""
    nothing = ServerState(before, (), (), 0)  # pyright: ignore[reportArgumentType]
    return team.step(nothing, nothing._replace(server=after))


@partial(jit_by_loss, static_argnames=("mesh",))
def _outcome(
    team: Clients, server: Any, apart: Array, held: StreamedState, x0: Array, t: Array, *, mesh: Mesh
) -> Outcome:
    return on_every_device(lambda team, *at: team.outcome(_resumed(team, *at[:-1]), at[-1]), mesh)(
        team, server, apart, held, x0, t
    )
