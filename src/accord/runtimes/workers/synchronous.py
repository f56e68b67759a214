"""The host of a run in workers: it keeps the records and the stop test, and is the server where a method has one."""

from __future__ import annotations

import time
import uuid
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core import trees
from accord.core.stop_monitor import GOING, Seen, StopMonitor
from accord.core.verdict import verdict as verdict_on
from accord.engine import agent_kernels, coupled_metrics
from accord.engine.planning.client_sampling import sample_clients
from accord.engine.planning.cost import blank_reply
from accord.engine.planning.plan import ALWAYS, Plan
from accord.engine.rounds.server import ReplySummary
from accord.engine.session import Outcome, Record
from accord.errors import ShardLost
from accord.protocol.coordinator import Coordinator
from accord.protocol.driver import Clock, CoordinatorDriver
from accord.protocol.messages import Kind
from accord.protocol.timeouts import Timeouts
from accord.protocol.transport import Supervisor
from accord.robustness.aggregation import Shares, shares, weighed
from accord.runtimes.vectorised import beginning
from accord.runtimes.workers.assignment import Assignment


class HostState(NamedTuple):
    """The state of a run in workers: as a checkpoint keeps it."""

    server: Any
    disagreement: Any
    workers: Any  # worker -> what it holds, as plain arrays
    watch: StopMonitor


class SyncWorkersSession:
    """A run in workers, seen from its host; see `Session`."""

    def __init__(
        self,
        plan: Plan,
        parts: tuple[Assignment, ...],
        transport: Supervisor,
        run: str,
        timeouts: Timeouts,
        clock: Clock = time.monotonic,
    ) -> None:
        self.plan, self.parts, self.timeouts = plan, parts, timeouts
        self.owners, self.places = np.empty(plan.problem.K, int), np.empty(plan.problem.K, np.int32)
        for worker, part in enumerate(parts):
            self.owners[part.ks], self.places[part.ks] = worker, np.arange(len(part.ks))
        names = {worker: f"shard {worker} ({part.agents})" for worker, part in enumerate(parts)}
        together = plan.pattern == "peers" and not plan.method.asynchronous
        waits = {
            "retry_interval": timeouts.retry_interval,
            "failure_timeout": timeouts.failure_timeout,
            "seconds": plan.stop.seconds,
        }
        coordinator = Coordinator(run, names, clock(), together=together, **waits)
        self.coordinator = CoordinatorDriver(coordinator, transport, clock)
        self.round, self.verdict = 0, GOING
        self.key, self.design = jax.random.key(plan.seed), jax.device_put(plan.design)
        self.aggregate = plan.aggregate or plan.method.aggregate
        self.watch = agent_kernels.arrays(plan.watch())
        self.server: Any = None
        self.disagreement = np.zeros((), plan.dtype)
        if plan.pattern != "peers":
            self.reply = jax.tree.structure(blank_reply(plan))
            self.server = plan.method.init(jax.tree.map(jnp.asarray, beginning(plan)[0]))
        self.coordinator.broadcast(Kind.START, 0, durable=True)

    # --- a session ---------------------------------------------------------------------------------------------------

    def advance(self, records: int, every: int) -> Record:
        """Record, then `every` rounds, `records` times, until the monitor stops the run."""
        return advance_blocks(self, records, every)

    def recorded(self, oldest: int = ALWAYS) -> Record:
        """Return one record, which the monitor has seen; `oldest` as in `Record`."""
        record = self._record()._replace(oldest=oldest)
        residual, self.watch, verdict = agent_kernels.arrays(_watched(self.watch, record.seen, np.int32(oldest)))
        self.verdict = int(verdict)
        return record._replace(residual=residual)

    def go_on(self, count: int) -> None:
        """Advance by so many rounds."""
        travel = np.zeros((), self.plan.dtype)
        if self.plan.pattern == "peers" and count:
            moved = self.coordinator.broadcast(Kind.ADVANCE, self.round, count, durable=True)
            travel = sum((moved[worker][0] for worker in sorted(moved)), travel)
        elif self.plan.pattern != "peers":
            for t in range(self.round, self.round + count):
                before = self.server
                self._serve(t)
                travel = travel + self.step(before)
        self.went(travel, count)
        self.round += count

    def step(self, before: Any) -> Any:
        """The square of what the server's model, or the price, has moved."""
        name = "price" if self.plan.coupled else "x"
        moved = np.asarray(getattr(self.server, name)) - np.asarray(getattr(before, name))
        return np.vdot(moved, moved)

    def went(self, travel: Any, rounds: int) -> None:
        """Give the monitor the distance that some rounds moved."""
        self.watch = self.watch.went(np.asarray(travel, self.plan.dtype), np.int32(rounds))  # pyright: ignore[reportArgumentType]

    def outcome(self) -> Outcome:
        """Return the current answer of the run."""
        if self.plan.coupled:
            (models,), (losses,) = self._of_agents(Kind.MODELS), self._of_agents(Kind.OWN_LOSSES)
            return Outcome(models, models, self._price(), losses)
        if self.plan.pattern == "peers":
            (models,) = self._of_agents(Kind.MODELS)
            centre = self.plan.weights @ models
            return Outcome(centre, models, None, *self._of_agents(Kind.LOSSES, centre))
        models, *prices = self._of_agents(Kind.MODELS, *self._broadcast())
        return Outcome(np.asarray(self.server.x), models, prices[0] if prices else None, self._losses())

    def state(self) -> HostState:
        """Return the whole state, the agents' too."""
        server, apart, watch = agent_kernels.arrays((self.server, self.disagreement, self.watch))
        return HostState(server, apart, self.coordinator.snapshot(self.round), watch)

    def restore(self, state: HostState, round: int) -> None:
        """Go on from `state` after `round` rounds."""
        self.server, self.disagreement, self.watch, self.round = state.server, state.disagreement, state.watch, round
        self.coordinator.restore(round, state.workers)

    def close(self) -> None:
        """Dismiss all workers."""
        self.coordinator.shutdown()

    # --- the server --------------------------------------------------------------------------------------------------

    def _serve(self, t: int) -> None:
        """Compute one round: broadcast, receive from the cohort, or those in time, aggregate, update."""
        ks = np.asarray(sample_clients(self.key, t, self.plan.problem.K, self.plan.cohort, self.design))
        share = agent_kernels.arrays(_shares(self.plan.weights, ks, self.plan.counts))
        free, heard = self._free(t, ks), self._broadcast()
        mine = {worker: np.flatnonzero(self.owners[ks] == worker) for worker in free}
        mine = {worker: rows[np.argsort(ks[rows])] for worker, rows in mine.items() if len(rows)}
        questions = {
            worker: (self.places[ks[rows]], share.mean[rows], share.sum[rows], *heard) for worker, rows in mine.items()
        }
        if self.timeouts.deadline is None:
            answers = self.coordinator.ask(Kind.RESPOND, t, questions, durable=True)
        else:
            enough = partial(self._enough, ks)
            answers = self.coordinator.ask_until(self.timeouts.deadline, enough, Kind.RESPOND, t, questions)
        self._update(answers, {worker: mine[worker] for worker in answers}, share)

    def _update(self, answers: dict[int, Any], mine: dict[int, np.ndarray], share: Shares) -> None:
        """The server after the answers, which count as if no other had been asked."""
        size = self.reply.num_leaves + 2
        total: list[Any] = [sum(leaves[1:], leaves[0]) for leaves in zip(*(answers[w][:size] for w in sorted(answers)))]
        told = jax.tree.unflatten(self.reply, total[:-2])
        rows = np.concatenate([mine[worker] for worker in sorted(answers)])
        part = 1.0 if len(rows) == len(share.mean) else share.mean[rows].sum()
        rule = self.aggregate
        if callable(rule):
            stack = [np.concatenate(leaves) for leaves in zip(*(answers[w][size:] for w in sorted(answers)))]
            order = np.argsort(rows)
            replies = jax.tree.unflatten(self.reply, [leaf[order] for leaf in stack])
            told, rule = _ruled(replies, share.mean[rows[order]], rule=rule), None
        shift, square = total[-2:]
        self.server, apart = _updated(self.plan.method, self.server, ReplySummary(told, shift, square), part, rule=rule)
        self.disagreement = np.asarray(apart)

    def _broadcast(self) -> tuple[np.ndarray, ...]:
        """The broadcast."""
        return trees.host_leaves(self.plan.method.broadcast(self.server))

    def _free(self, t: int, ks: np.ndarray) -> set[int]:
        """Return the agents that can be asked: where they are below the quorum, wait for others to come back."""
        free = self.coordinator.free()
        last = self.coordinator.clock() + 10 * (self.timeouts.deadline or 0.0)
        while self.timeouts.deadline is not None and not self._enough(ks, free):
            self.coordinator.poll(last)
            if self.coordinator.clock() >= last:
                raise ShardLost(
                    f"Round {t}: for ten deadlines of {self.timeouts.deadline:g} s too many are at work on "
                    "earlier rounds for a quorum. Give a longer deadline or a smaller quorum."
                )
            free = self.coordinator.free()
        return free

    def _enough(self, ks: np.ndarray, workers: set[int]) -> bool:
        return np.isin(self.owners[ks], list(workers)).mean() >= self.timeouts.quorum

    # --- records -----------------------------------------------------------------------------------------------------

    def _record(self) -> Record:
        p, nothing = self.plan.weights, np.asarray(np.nan, self.plan.dtype)
        if self.plan.coupled:
            return self._market()
        if self.plan.pattern == "server":
            centre, apart = np.asarray(self.server.x), self.disagreement
            moved = np.sum((centre - self.plan.x0) ** 2)
            losses = self._losses()
        else:
            means = self.coordinator.broadcast(Kind.CENTRE, self.round)
            centre = sum((means[worker][0] for worker in sorted(means)), np.zeros((), self.plan.dtype))
            losses, squares, moves = self._of_agents(Kind.MEASURE, centre)
            apart, moved = p @ squares, p @ moves
        objective = p @ losses
        if self.plan.problem.regularizer is not None:
            objective = objective + np.asarray(self.plan.problem.regularizer.value(jnp.asarray(centre)))
        return Record(objective, apart, losses[p > 0].max(), nothing, moved)

    def _market(self) -> Record:
        price, coupling = jnp.asarray(self._price()), self.plan.problem.coupling
        assert coupling is not None  # only a coupled problem has a market
        terms = coupled_metrics.Terms(*self._of_agents(Kind.TERMS, np.asarray(price)))
        floor = jnp.asarray(coupling.market(self.plan.dtype).floor)
        violated = np.asarray(coupled_metrics.excess(jnp.sum(terms.surplus, 0), floor))
        reaches = coupled_metrics.Reach(*self._of_agents(Kind.REACH, violated))
        return agent_kernels.arrays(coupled_metrics.measured(terms, price, floor, reaches))

    def _losses(self) -> np.ndarray:
        """f_k at the server's model, or at each client's own where it has parts of its own."""
        if hasattr(self.plan.method, "own"):
            return self._of_agents(Kind.OWN_LOSSES, *self._broadcast())[0]
        return self._of_agents(Kind.LOSSES, np.asarray(self.server.x))[0]

    def _price(self) -> np.ndarray:
        """The market maker's, or the mean of the agents' own."""
        peers = self.plan.pattern == "peers"
        return self._of_agents(Kind.PRICES)[0].mean(0) if peers else np.asarray(self.server.price)

    def _of_agents(self, kind: Kind, *body: Any) -> list[np.ndarray]:
        """Return the answers of all agents, each array with a row an agent, in the order of their numbers."""
        answers, ks = (
            self.coordinator.broadcast(kind, self.round, *body),
            np.concatenate([part.ks for part in self.parts]),
        )
        order = np.argsort(ks)
        return [np.concatenate(rows)[order] for rows in zip(*(answers[w] for w in sorted(answers)), strict=True)]


def advance_blocks(session: Any, records: int, every: int) -> Any:
    """Record, then `every` rounds, `records` times, until the monitor stops: what was recorded, a column a number."""
    found = []
    for _ in range(records):
        found.append(session.recorded())
        if session.verdict != GOING:
            break
        session.go_on(every)
    return jax.tree.map(lambda *column: np.array(column), *found)


def new_run_id() -> str:
    """A name for a run, unlike any other's."""
    return uuid.uuid4().hex


@jax.jit
def _watched(watch: StopMonitor, seen: Seen, oldest: Array) -> tuple[Array, StopMonitor, Array]:
    """Return what a round moved, the monitor after one more record, and its verdict."""
    after = watch.update(seen, oldest)
    return watch.residual, after, verdict_on(after)


@jax.jit
def _shares(p: Array, ks: Array, counts: Array | None) -> Shares:
    return shares(p, ks, counts)


@partial(jax.jit, static_argnames=("rule",))
def _ruled(replies: Any, share: Array, *, rule: Any) -> Any:
    return rule(replies, share)


@partial(jax.jit, static_argnames=("rule",))
def _updated(method: Any, server: Any, total: ReplySummary, part: Array, *, rule: Any) -> tuple[Any, Array]:
    """The next server, and how far apart the proposals are; what is a mean is one over the `part` that answered."""
    one = Shares(1 / part, jnp.ones_like(total.square))
    said = total.reply if rule is None else weighed(rule, one, total.reply)
    shift, square = weighed("mean", one, (total.shift, total.square))
    return method.update(server, said), jnp.maximum(square - jnp.vdot(shift, shift), 0)
