"""The life of a shard of agents over a link: it answers its host, and speaks with other workers in between."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.problems.problem import single
from accord.runtimes import market, steps
from accord.runtimes.link import HOST, Envelope, Link
from accord.runtimes.plan import Plan
from accord.runtimes.working_clients import WorkingClients
from accord.runtimes.working_edges import WorkingEdges
from accord.runtimes.working_peers import WorkingPeers


class Dismissed(Exception):
    """The host ended the run."""


class Worker:
    """A few agents, each with its own unpadded data, one after another; opaque agents too."""

    def __init__(self, plan: Plan, agents: list[int], owners: np.ndarray, link: Link, own: int) -> None:
        self.plan, self.ks, self.owners, self.link, self.own = plan, agents, owners, link, own
        self.key = jax.random.key(plan.seed)
        self.agents = {k: single(plan.problem, plan.shape, plan.scale, k) for k in agents}
        self.early: dict[tuple[int, int, int], Any] = {}  # what other workers said before this one asked
        self.working_on = agents[0]
        self.work: Any = None

    def live(self) -> None:
        """Answer the host until it dismisses; a failure is told with its traceback, and ends the run for everybody."""
        with jax.enable_x64(self.plan.dtype == np.float64), self._compiled():
            try:
                self.work = _kind(self.plan)(self)
                while True:
                    asked = self._next_command()
                    place = self if hasattr(self, f"on_{asked.kind}") else self.work
                    answer: Callable[..., Any] = getattr(place, f"on_{asked.kind}")
                    self._tell(asked.kind, answer(asked.round, *asked.body))
            except Dismissed:
                return
            except BaseException:
                self._tell("failed", (self.working_on, traceback.format_exc()))

    def each(self) -> Iterator[tuple[int, Any]]:
        """Its agents one after another; who fails is known by it."""
        for k in self.ks:
            self.working_on = k
            yield k, self.agents[k]

    def say(self, worker: int, t: int, phase: int, body: Any) -> None:
        """A word to another worker."""
        self.link.send(worker, Envelope(self.own, "said", t, phase, body))

    def said_by(self, worker: int, t: int, phase: int) -> Any:
        """Another worker's word of this round's exchange; what comes early waits for its turn."""
        while (worker, t, phase) not in self.early:
            envelope = self.link.receive()
            if envelope.sender == HOST:  # amid a round the host has only one thing to say
                raise Dismissed
            self.early[envelope.sender, envelope.round, envelope.phase] = envelope.body
        return self.early.pop((worker, t, phase))

    # the host's questions, whatever the pattern

    def on_models(self, t: int) -> dict[int, np.ndarray]:
        """Every agent's own model, or decision."""
        estimate = getattr(self.plan.method, "estimate", lambda state: state.x)
        return {k: np.asarray(estimate(self.work.states[k])) for k in self.ks}

    def on_losses(self, t: int, models: Any) -> dict[int, float]:
        """f_k, unweighted, at one model or at each agent's own."""
        ones, own = np.ones_like(self.plan.scale), isinstance(models, dict)
        plain = {k: single(self.plan.problem, self.plan.shape, ones, k) for k in self.ks}
        return {k: float(steps.value(plain[k], jnp.asarray(models[k] if own else models))) for k, _ in self.each()}

    def on_prices(self, t: int) -> dict[int, np.ndarray]:
        """Every agent's own price, where there is no market maker."""
        return {k: np.asarray(self.work.states[k].price) for k in self.ks}

    def on_terms(self, t: int, price: np.ndarray) -> dict[int, market.Terms]:
        """Each agent's cost, its part of the shared constraint, and of the dual function at this price."""
        return {
            k: steps.arrays(market.terms(agent, self.work.states[k].x, jnp.asarray(price))) for k, agent in self.each()
        }

    def on_reach(self, t: int, direction: np.ndarray) -> dict[int, market.Reach]:
        """How little each agent's part can be worth within its bounds."""
        return {k: steps.arrays(market.reach(agent.share, jnp.asarray(direction))) for k, agent in self.each()}

    def _compiled(self) -> AbstractContextManager[Any]:
        return jax.disable_jit() if self.plan.problem.opaque else nullcontext()

    def _tell(self, kind: str, body: Any) -> None:
        self.link.send(HOST, Envelope(self.own, kind, 0, 0, body))

    def _next_command(self) -> Envelope:
        while (envelope := self.link.receive()).sender != HOST:
            self.early[envelope.sender, envelope.round, envelope.phase] = envelope.body
        if envelope.kind == "dismiss":
            raise Dismissed
        return envelope


def _kind(plan: Plan) -> Callable[[Worker], Any]:
    if plan.pattern != "peers":
        return WorkingClients
    return WorkingEdges if hasattr(plan.method, "messages") else WorkingPeers
