"""The life of a shard of agents over a link: it answers its host, and speaks with other workers in between."""

from __future__ import annotations

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
from accord.protocol.messages import COORDINATOR, FAILED, Envelope
from accord.protocol.peer_exchange import PeerExchange, Shutdown, Superseded
from accord.protocol.transport import Transport
from accord.runtimes.workers.assignment import Assignment

STARTING = ("start", "restore")
"""What can be asked of a worker that holds nothing: a question to the one that it replaces may still be on its way."""


class Worker:
    """A few agents in one batch; opaque ones one after another.

    It does nothing twice: a question is known by its number, and asked again it is answered as before. What a question
    changes replaces what is held only when all of it is done, and `forget` takes back the last.
    """

    def __init__(self, part: Assignment, run: str, transport: Transport, own: int, retry_interval: float) -> None:
        self.part, self.run, self.transport, self.own = part, run, transport, own
        self.words = PeerExchange(run, own, transport, part.recipients, part.senders, retry_interval)
        self.team: Any = None
        self.held: Any = None
        self.before: Any = None
        self.answered = Envelope(run, own, "", 0, 0, 0, ())  # the last answer

    def live(self) -> None:
        """Answer the host until it dismisses; a failure is told with its traceback, and ends the run for everybody."""
        with jax.enable_x64(self.part.dtype == np.float64), asking(self.part.crowd):
            try:
                self.team = replace(jax.device_put(self.part.team), key=jax.random.key(self.part.seed))
                while True:
                    self._answer(self._next())
            except Shutdown:
                return
            except AgentError as error:
                self._tell(FAILED, self.words.request_id, error.agent, error.trace)
            except BaseException:
                self._tell(FAILED, self.words.request_id, int(self.part.ks[0]), traceback.format_exc())

    def _answer(self, asked: Envelope) -> None:
        answer: Callable[..., tuple[Any, ...]] = getattr(self, f"on_{asked.kind}")
        self.words.begin(asked.request_id)
        try:
            body = answer(asked.round, *asked.body)
        except Superseded:  # everybody goes back to an earlier round: nothing of this one is kept
            return
        self.answered = self._tell(asked.kind, asked.request_id, *body)

    def _next(self) -> Envelope:
        """The next question; what was answered already is answered again, what is older is of no interest."""
        while True:
            envelope = self.words.next_question()
            if envelope.kind == "dismiss":
                raise Shutdown
            if envelope.request_id > self.answered.request_id and (self.held is not None or envelope.kind in STARTING):
                return envelope
            if envelope.request_id == self.answered.request_id:
                self.transport.send(COORDINATOR, self.answered)

    def _tell(self, kind: str, number: int, *body: Any) -> Envelope:
        envelope = Envelope(self.run, self.own, kind, number, 0, 0, body)
        self.transport.send(COORDINATOR, envelope)
        return envelope

    def _slots(self, asked: int) -> int:
        """Places for a cohort; of agents outside nobody is asked to fill one."""
        return asked if self.part.crowd is not None else worker_kernels.slots(asked, len(self.part.ks))

    def _hold(self, held: Any) -> tuple[()]:
        self.before, self.held = self.held, held
        return ()

    # --- what changes what is held -----------------------------------------------------------------------------------

    def on_start(self, t: int) -> tuple[()]:
        """Every agent at x0, its channel's memory empty."""
        return self._hold(worker_kernels.start(self.team, *self.part.begin))

    def on_restore(self, t: int, *leaves: np.ndarray) -> tuple[()]:
        """Go on from what was held after round t."""
        held = self.held if self.held is not None else worker_kernels.start(self.team, *self.part.begin)
        return self._hold(jax.tree.unflatten(jax.tree.structure(held), leaves))

    def on_forget(self, t: int) -> tuple[()]:
        """The last change did not count."""
        self.held = self.before
        return ()

    def on_respond(
        self, t: int, places: np.ndarray, mean: np.ndarray, total: np.ndarray, *heard: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """What the clients at some places say, weighed and summed; one by one where a rule needs the stack."""
        asked, slots = len(places), self._slots(len(places))
        fill = lambda values, value: np.concatenate([values, np.full(slots - asked, value, values.dtype)])  # noqa: E731
        given = fill(places, len(self.part.ks)), fill(mean, 0), fill(total, 0)
        said, replies, held = worker_kernels.respond(self.team, self.held, heard, *given, np.int32(t), cohort=slots)
        self._hold(held)
        stack = callable(self.team.aggregate)
        return (*trees.host_leaves(said), *(leaf[:asked] for leaf in trees.host_leaves(replies) if stack))

    def on_advance(self, t: int, rounds: int) -> tuple[np.ndarray, ...]:
        """So many rounds, with nobody but the neighbours; Σ over them of the squares of what these agents moved."""
        travel = np.zeros((), self.part.dtype)
        phases, held = len(phases_of(self.team.method)), self.held
        spoken = worker_kernels.send(self.team, held, np.int32(t), phase=0)
        for now in range(t, t + rounds):
            before = held.states
            for phase in range(phases):
                own, said, held, out = spoken
                come = self.words.exchange(now, phase, out)
                last = before if phase == phases - 1 else None
                held, spoken = worker_kernels.turn(self.team, held, own, said, come, last, np.int32(now), phase=phase)
            travel = travel + worker_kernels.step(self.team, before, held.states)
        self._hold(held)
        return trees.host_leaves(travel)

    def on_wake(self, t: int, places: np.ndarray, *heard: np.ndarray) -> tuple[np.ndarray, ...]:
        """The agents at some places act on what each has heard, by how much they move, and their next words.

        First, they only speak.
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

    def on_state(self, t: int) -> tuple[np.ndarray, ...]:
        """Everything that is held."""
        return trees.host_leaves(self.held)

    def on_models(self, t: int, *heard: np.ndarray) -> tuple[np.ndarray, ...]:
        """Every agent's own model, or decision; of a client, what it makes of what the server says, and its price."""
        if heard:
            return trees.host_leaves(worker_kernels.client_models(self.team, self.held, heard, np.int32(t)))
        return trees.host_leaves(worker_kernels.models(self.team, self.held))

    def on_prices(self, t: int) -> tuple[np.ndarray, ...]:
        """Every agent's own price, where there is no market maker."""
        return (np.asarray(self.held.states.price),)

    def on_losses(self, t: int, model: np.ndarray) -> tuple[np.ndarray, ...]:
        """f_k, unweighted, at one model."""
        return trees.host_leaves(worker_kernels.losses(self.team, model))

    def on_own_losses(self, t: int, *heard: np.ndarray) -> tuple[np.ndarray, ...]:
        """f_k, unweighted, at each agent's own model, or at what it makes of what the server says."""
        return trees.host_leaves(worker_kernels.own_losses(self.team, self.held, heard))

    def on_centre(self, t: int) -> tuple[np.ndarray, ...]:
        """Σ p_k x_k over these agents."""
        return trees.host_leaves(worker_kernels.centre(self.team, self.held))

    def on_measure(self, t: int, centre: np.ndarray) -> tuple[np.ndarray, ...]:
        """f_k at the centre of everybody's models, and ‖x_k − centre‖²."""
        return trees.host_leaves(worker_kernels.measure(self.team, self.held, centre))

    def on_terms(self, t: int, price: np.ndarray) -> tuple[np.ndarray, ...]:
        """Each agent's cost, its part of the shared constraint, and of the dual function at this price."""
        return trees.host_leaves(worker_kernels.terms(self.team, self.held, price))

    def on_reach(self, t: int, direction: np.ndarray) -> tuple[np.ndarray, ...]:
        """How little each agent's part can be worth within its bounds."""
        return trees.host_leaves(worker_kernels.reach(self.team, direction))
