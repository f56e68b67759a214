"""The host of a run in workers: it keeps the records and the stop test, and is the server where a method has one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from accord.aggregation import Shares, shares
from accord.errors import AgentError
from accord.runtimes import market, steps
from accord.runtimes.cohort import cohort_of
from accord.runtimes.link import HOST, Envelope, Link
from accord.runtimes.plan import Outcome, Plan, Record
from accord.stopping import GOING, Watch


class Held(NamedTuple):
    """What a run in workers holds: as a checkpoint keeps it."""

    server: Any
    apart: Any
    workers: Any  # worker -> what it holds
    watch: Watch


class Hosted:
    """A run in workers, seen from its host; see `Session`."""

    def __init__(self, plan: Plan, owners: np.ndarray, link: Link) -> None:
        self.plan, self.owners, self.link = plan, owners, link
        self.workers = sorted(set(owners.tolist()))
        self.round, self.verdict = 0, GOING
        self.key = jax.random.key(plan.seed)
        self.aggregate = plan.aggregate or plan.method.aggregate
        self.watch = plan.stop.watch(plan.every, plan.dtype)
        self.server: Any = None
        self.apart = np.zeros((), plan.dtype)
        if plan.pattern != "peers":
            begin = plan.x0 if plan.problem.coupling is None else plan.problem.coupling.market(plan.dtype)
            self.server = steps.arrays(plan.method.init(jax.tree.map(jnp.asarray, begin)))
        self._ask("start", plan.x0)

    # --- a session ---------------------------------------------------------------------------------------------------

    def advance(self, records: int, every: int) -> Record:
        """Record, then `every` rounds, `records` times, until the watch says stop."""
        found = []
        for _ in range(records):
            found.append(self._record())
            self.watch = self.watch.see(found[-1].objective, found[-1].disagreement, found[-1].dual_value)
            self.verdict = int(self.watch.verdict())
            if self.verdict != GOING:
                break
            self._rounds(every)
        return Record(*(np.array(column) for column in zip(*found, strict=True)))

    def _rounds(self, count: int) -> None:
        if self.plan.pattern == "peers" and count:
            self._ask("advance", count)
        elif self.plan.pattern != "peers":
            for t in range(self.round, self.round + count):
                self._serve(t)
        self.round += count

    def outcome(self) -> Outcome:
        """Where the run stands."""
        if self.plan.coupled:
            models = self._stacked("models")
            return Outcome(models, models, self._price(), self._losses(models))
        if self.plan.pattern == "peers":
            models = self._stacked("models")
            centre = self.plan.weights @ models
            return Outcome(centre, models, None, self._losses(centre))
        heard = steps.arrays(self.plan.method.broadcast(self.server))
        prices = self.plan.weights * self._stacked("price") if hasattr(self.plan.method, "price") else None
        models = self._used() if hasattr(self.plan.method, "own") else self._stacked("propose", heard)
        return Outcome(self.server.x, models, prices, self._losses(self._used()))

    def state(self) -> Held:
        """Everything, the agents' states too."""
        return Held(self.server, self.apart, self._ask("state"), steps.arrays(self.watch))

    def restore(self, state: Held, round: int) -> None:
        """Go on from `state` after `round` rounds."""
        self.server, self.apart, self.watch, self.round = state.server, state.apart, state.watch, round
        for worker in self.workers:
            self.link.send(worker, Envelope(HOST, "restore", round, 0, (state.workers[worker],)))
        self._collect("restore", self.workers)

    def close(self) -> None:
        """Dismiss everybody."""
        for worker in self.workers:
            self.link.send(worker, Envelope(HOST, "dismiss", self.round, 0, ()))

    # --- the server --------------------------------------------------------------------------------------------------

    def _serve(self, t: int) -> None:
        """One round: broadcast, hear the cohort, aggregate, update."""
        heard = steps.arrays(self.plan.method.broadcast(self.server))
        ks = np.asarray(cohort_of(self.key, t, self.plan.problem.K, self.plan.cohort))
        share = steps.arrays(shares(jnp.asarray(self.plan.weights), jnp.asarray(ks)))
        counts = {k: Shares(*(part[i] for part in share)) for i, k in enumerate(ks.tolist())}
        chosen = sorted({int(self.owners[k]) for k in ks})
        for worker in chosen:
            own = {k: count for k, count in counts.items() if self.owners[k] == worker}
            self.link.send(worker, Envelope(HOST, "respond", t, 0, (heard, own)))
        answers = self._collect("respond", chosen)
        total = jax.tree.map(lambda *parts: sum(parts[1:], parts[0]), *(answers[worker][0] for worker in chosen))
        said, shift, square = total
        if callable(self.aggregate):
            replies = {k: reply for worker in chosen for k, reply in answers[worker][1].items()}
            said = self.aggregate(steps.pile([replies[k] for k in ks.tolist()]), jnp.asarray(share.mean))
        self.apart = np.maximum(square - np.vdot(shift, shift), 0)
        self.server = steps.arrays(self.plan.method.update(self.server, jax.tree.map(jnp.asarray, said)))

    # --- records -----------------------------------------------------------------------------------------------------

    def _record(self) -> Record:
        p, nothing = self.plan.weights, np.asarray(np.nan, self.plan.dtype)
        if self.plan.coupled:
            return self._market()
        centre, apart = (None, self.apart) if self.plan.pattern == "server" else (self._stacked("models"), None)
        if centre is None:
            centre, losses = self.server.x, self._losses(self._used())
        else:
            models, centre = centre, p @ centre
            apart = p @ ((models - centre) ** 2).sum(1)
            losses = self._losses(centre)
        objective = p @ losses
        if self.plan.problem.regularizer is not None:
            objective = objective + np.asarray(self.plan.problem.regularizer.value(jnp.asarray(centre)))
        return Record(objective, apart, losses[p > 0].max(), nothing)

    def _market(self) -> Record:
        price, coupling = jnp.asarray(self._price()), self.plan.problem.coupling
        assert coupling is not None  # only a coupled problem has a market
        terms = steps.pile(self._by_agent("terms", price))
        floor = jnp.asarray(coupling.market(self.plan.dtype).floor)
        violated = np.asarray(market.excess(jnp.sum(terms.surplus, 0), floor))
        reaches = steps.pile(self._by_agent("reach", violated))
        return steps.arrays(market.measured(terms, price, floor, reaches))

    def _price(self) -> np.ndarray:
        """The market maker's, or the mean of the agents' own."""
        return self._stacked("prices").mean(0) if self.plan.pattern == "peers" else self.server.price

    def _used(self) -> np.ndarray:
        """The server's model, or (K, d) where clients have parts of their own."""
        if not hasattr(self.plan.method, "own"):
            return self.server.x
        return self._stacked("own", steps.arrays(self.plan.method.broadcast(self.server)))

    def _losses(self, models: np.ndarray) -> np.ndarray:
        own = models.ndim == 2
        return np.array(self._by_agent("losses", dict(enumerate(models)) if own else models), self.plan.dtype)

    def _stacked(self, kind: str, *body: Any) -> np.ndarray:
        return np.stack(self._by_agent(kind, *body))

    def _by_agent(self, kind: str, *body: Any) -> list[Any]:
        answers = self._ask(kind, *body)
        return [answers[k] for k in range(self.plan.problem.K)]

    # --- the link ----------------------------------------------------------------------------------------------------

    def _ask(self, kind: str, *body: Any) -> dict[int, Any]:
        """Ask every worker, and put together what agents answered."""
        for worker in self.workers:
            self.link.send(worker, Envelope(HOST, kind, self.round, 0, body))
        answers = self._collect(kind, self.workers)
        return {k: value for part in answers.values() if isinstance(part, dict) for k, value in part.items()}

    def _collect(self, kind: str, workers: Iterable[int]) -> dict[int, Any]:
        """One answer a worker; the first failure stops the run with that agent's own traceback."""
        answers, waiting = {}, set(workers)
        while waiting:
            envelope = self.link.receive()
            if envelope.kind == "failed":
                raise AgentError(*envelope.body)
            answers[envelope.sender] = envelope.body
            waiting.discard(envelope.sender)
        return answers
