"""A worker: the computations on a shard of agents that the coordinator's requests ask for, behind a transport."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from accord.core import trees
from accord.engine import worker_kernels
from accord.engine.staged import asking
from accord.errors import AgentError
from accord.methods.traits import phases_of
from accord.protocol.driver import Clock, PartyDriver
from accord.protocol.events import Computation, Exchanging
from accord.protocol.messages import Body, Envelope, Kind
from accord.protocol.party import Party
from accord.protocol.peer_exchange import PeerExchange
from accord.protocol.transport import Transport
from accord.runtimes.workers.assignment import Assignment


class Worker:
    """A few agents in one batch; opaque ones one after another.

    The protocol has each request executed once (`Party`). What a request changes replaces the state only when all of it
    is done, and a rollback takes back the last change.
    """

    def __init__(
        self,
        part: Assignment,
        run: str,
        transport: Transport,
        own: int,
        retry_interval: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self.part = part
        party = Party(PeerExchange(run, own, part.recipients, part.senders), retry_interval)
        self.driver = PartyDriver(party, transport, self.compute, self.failure, clock)
        self.team: Any = None
        self.held: Any = None
        self.before: Any = None
        self.request_id = self.changed_by = 0  # the request at work, and that of the last change
        self.replies: dict[str, Callable[..., Body]] = {
            Kind.START: self.start,
            Kind.RESTORE: self.restore,
            Kind.ROLLBACK: self.rollback,
            Kind.RESPOND: self.respond,
            Kind.ACTIVATE: self.activate,
            Kind.SNAPSHOT: self.snapshot,
            Kind.MODELS: self.models,
            Kind.PRICES: self.prices,
            Kind.LOSSES: self.losses,
            Kind.OWN_LOSSES: self.own_losses,
            Kind.CENTRE: self.centre,
            Kind.MEASURE: self.measure,
            Kind.TERMS: self.terms,
            Kind.REACH: self.reach,
        }

    def live(self) -> None:
        """Reply to the coordinator until it ends the run; a failure is a reply too, and ends the run for all."""
        with jax.enable_x64(self.part.dtype == np.float64), asking(self.part.crowd):
            self.driver.run()

    def compute(self, request: Envelope) -> Computation:
        """Do what a request asks for."""
        if self.team is None:
            self.team = replace(jax.device_put(self.part.team), key=jax.random.key(self.part.seed))
        self.request_id = request.request_id
        if request.kind == Kind.ADVANCE:
            return (yield from self.advance(request.round, *request.body))
        return self.replies[request.kind](request.round, *request.body)

    def failure(self, error: BaseException) -> Body:
        """The number of an agent that has failed, and the traceback."""
        if isinstance(error, AgentError):
            return error.agent, error.trace
        return int(self.part.ks[0]), "".join(traceback.format_exception(error))

    def _slots(self, asked: int) -> int:
        """Places for a cohort; of opaque agents none is asked to fill one."""
        return asked if self.part.crowd is not None else worker_kernels.slots(asked, len(self.part.ks))

    def _hold(self, held: Any) -> tuple[()]:
        self.before, self.held, self.changed_by = self.held, held, self.request_id
        return ()

    # --- what changes what is held -----------------------------------------------------------------------------------

    def start(self, t: int) -> tuple[()]:
        """Start every agent at x0, its channel's memory empty."""
        return self._hold(worker_kernels.start(self.team, *self.part.begin))

    def restore(self, t: int, *leaves: np.ndarray) -> tuple[()]:
        """Go on from what was held after round t."""
        held = self.held if self.held is not None else worker_kernels.start(self.team, *self.part.begin)
        return self._hold(jax.tree.unflatten(jax.tree.structure(held), leaves))

    def rollback(self, t: int, request_id: int) -> tuple[()]:
        """Take back the last change, where it is this request's."""
        if self.changed_by == request_id:
            self.held = self.before
        return ()

    def respond(
        self, t: int, places: np.ndarray, mean: np.ndarray, total: np.ndarray, *heard: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the replies of the clients at some places, weighed and summed; single where a rule needs them."""
        asked, slots = len(places), self._slots(len(places))
        fill = lambda values, value: np.concatenate([values, np.full(slots - asked, value, values.dtype)])  # noqa: E731
        given = fill(places, len(self.part.ks)), fill(mean, 0), fill(total, 0)
        said, replies, held = worker_kernels.respond(self.team, self.held, heard, *given, np.int32(t), cohort=slots)
        self._hold(held)
        stack = callable(self.team.aggregate)
        return (*trees.host_leaves(said), *(leaf[:asked] for leaf in trees.host_leaves(replies) if stack))

    def advance(self, t: int, rounds: int) -> Computation:
        """Compute so many rounds, with the neighbours only; return Σ over them of the squares of the agents' moves."""
        travel = np.zeros((), self.part.dtype)
        phases, held = len(phases_of(self.team.method)), self.held
        spoken = worker_kernels.send(self.team, held, np.int32(t), phase=0)
        for now in range(t, t + rounds):
            before = held.states
            for phase in range(phases):
                own, said, held, out = spoken
                come = yield Exchanging(now, phase, tuple(map(trees.host_leaves, out)))
                last = before if phase == phases - 1 else None
                held, spoken = worker_kernels.turn(self.team, held, own, said, come, last, np.int32(now), phase=phase)
            travel = travel + worker_kernels.step(self.team, before, held.states)
        self._hold(held)
        return trees.host_leaves(travel)

    def activate(self, t: int, places: np.ndarray, *heard: np.ndarray) -> tuple[np.ndarray, ...]:
        """Let the agents at some places act on what each has received: how far they move, and their next messages.

        First, they only send.
        """
        asked, agents = len(places), len(self.part.ks)
        rows = np.arange(self._slots(asked))
        given, known = np.minimum(rows, asked - 1), rows < asked
        ks = np.where(known, places[given], agents).astype(np.int32)
        moved, said, held = worker_kernels.activate(
            self.team, self.held, ks, tuple(leaf[given] for leaf in heard), np.int32(t)
        )
        self._hold(held)
        return (*trees.host_leaves(moved), *(leaf[:asked] for leaf in trees.host_leaves(said)))

    # --- what only asks ----------------------------------------------------------------------------------------------

    def snapshot(self, t: int) -> tuple[np.ndarray, ...]:
        """Return everything that is held."""
        return trees.host_leaves(self.held)

    def models(self, t: int, *heard: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return every agent's own model, or decision; of a client, what it makes of the broadcast, and its price."""
        if heard:
            return trees.host_leaves(worker_kernels.client_models(self.team, self.held, heard, np.int32(t)))
        return trees.host_leaves(worker_kernels.models(self.team, self.held))

    def prices(self, t: int) -> tuple[np.ndarray, ...]:
        """Return every agent's own price, where there is no market maker."""
        return (np.asarray(self.held.states.price),)

    def losses(self, t: int, model: np.ndarray) -> tuple[np.ndarray, ...]:
        """f_k, unweighted, at one model."""
        return trees.host_leaves(worker_kernels.losses(self.team, model))

    def own_losses(self, t: int, *heard: np.ndarray) -> tuple[np.ndarray, ...]:
        """f_k, unweighted, at each agent's own model, or at what it makes of what the server sends."""
        return trees.host_leaves(worker_kernels.own_losses(self.team, self.held, heard))

    def centre(self, t: int) -> tuple[np.ndarray, ...]:
        """Σ p_k x_k over these agents."""
        return trees.host_leaves(worker_kernels.centre(self.team, self.held))

    def measure(self, t: int, centre: np.ndarray) -> tuple[np.ndarray, ...]:
        """f_k at the centre of all models, and ‖x_k − centre‖²."""
        return trees.host_leaves(worker_kernels.measure(self.team, self.held, centre))

    def terms(self, t: int, price: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return each agent's cost, its part of the shared constraint, and of the dual function at this price."""
        return trees.host_leaves(worker_kernels.terms(self.team, self.held, price))

    def reach(self, t: int, direction: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the least value of each agent's part within its bounds."""
        return trees.host_leaves(worker_kernels.reach(self.team, direction))
