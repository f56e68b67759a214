"""A server in front of real workers that waits for nobody: it takes replies as they come off the link."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from accord.aggregation import Shares
from accord.errors import AgentError, MethodError
from accord.methods.base import Arrival
from accord.runtimes import steps
from accord.runtimes.elapsed import LateRecord
from accord.runtimes.host import Held, Hosted
from accord.runtimes.link import HOST, Envelope, Link
from accord.runtimes.plan import Outcome, Plan, Purpose, key_for
from accord.stopping import GOING, Watch


class Job(NamedTuple):
    """What a worker was asked."""

    k: int
    heard: Any
    sent: int  # at which arrival


class Answer(NamedTuple):
    """What came of it."""

    job: Job
    said: Any
    shift: Any  # the agent's proposal, seen from the model that it had heard


class Pending(NamedTuple):
    """What such a run holds: as a checkpoint keeps it."""

    host: Held
    models: Any
    answers: list[Answer]  # all that were under way, in the order in which they came
    late: Any


class Sorted:
    """The host's end of a link: answers to jobs wait on a pile of their own while the host asks something else."""

    def __init__(self, link: Link) -> None:
        self.link, self.pile = link, deque[Envelope]()

    def send(self, to: int, envelope: Envelope) -> None:
        """As the link does."""
        self.link.send(to, envelope)

    def receive(self) -> Envelope:
        """The next that is no answer to a job."""
        while (envelope := self.link.receive()).kind == "respond":
            self.pile.append(envelope)
        return envelope

    def first(self) -> Envelope:
        """The first answer to a job. Raises `AgentError` where an agent failed at it."""
        envelope = self.pile.popleft() if self.pile else self.link.receive()
        if envelope.kind == "failed":
            raise AgentError(*envelope.body)
        return envelope


class FirstCome:
    """A run in workers whose server hears one reply at a time, and sends that agent off anew; see `Session`."""

    def __init__(self, plan: Plan, owners: np.ndarray, link: Link) -> None:
        self.plan, self.owners, self.link = plan, owners, Sorted(link)
        self.host = Hosted(plan, owners, self.link)
        self.models = np.tile(plan.x0, (plan.problem.K, 1))  # what each agent proposed last
        self.late = np.zeros(2)  # staleness: the sum, and the largest
        self.answers = deque[Answer]()  # come, and not heard yet
        self.asked = {worker: deque[Job]() for worker in self.host.workers}  # oldest first, as they are answered
        for k in range(plan.cohort):
            self._send(k)

    @property
    def round(self) -> int:
        """Arrivals so far."""
        return self.host.round

    @property
    def watch(self) -> Watch:
        """The host's."""
        return self.host.watch

    @property
    def verdict(self) -> int:
        """The host's."""
        return self.host.verdict

    def advance(self, records: int, every: int) -> LateRecord:
        """Record, then `every` arrivals, `records` times, until the watch says stop."""
        found = []
        for _ in range(records):
            centre = self.plan.weights @ self.models
            self.host.apart = self.plan.weights @ ((self.models - centre) ** 2).sum(1)
            late = (self.late[:1] / max(self.round, 1), self.late[1:].copy())
            found.append(LateRecord(*self.host.advance(1, 0), *late))
            if self.verdict != GOING:
                break
            for _ in range(every):
                self._hear(self.answers.popleft() if self.answers else self._awaited())
        return LateRecord(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def _hear(self, answer: Answer) -> None:
        """One arrival: the server's update, and the next job."""
        (k, heard, sent), said, shift = answer
        arrival = Arrival(heard, said)
        self.host.server = steps.arrays(_updated(self.plan.method, self.host.server, arrival))
        self.models[k] = heard.x + shift
        self.late = np.array([self.late[0] + self.round - sent, max(self.late[1], self.round - sent)])
        self.host.round += 1
        self._send(self._whose_turn(k))

    def _whose_turn(self, k: int) -> int:
        """Whoever was heard; or, where not all are at work, someone drawn at random."""
        K = self.plan.problem.K
        if self.plan.cohort == K:
            return k
        return int(jax.random.randint(key_for(self.host.key, self.round, K, Purpose.COHORT), (), 0, K))

    def _send(self, k: int) -> None:
        heard, worker = steps.arrays(self.plan.method.broadcast(self.host.server)), int(self.owners[k])
        share = steps.arrays(Shares(jnp.ones((), self.plan.dtype), jnp.ones((), self.plan.dtype)))
        self.link.send(worker, Envelope(HOST, "respond", self.round, 0, (heard, {k: share})))
        self.asked[worker].append(Job(k, heard, self.round))

    def _awaited(self) -> Answer:
        """The next answer off the link."""
        envelope = self.link.first()
        (said, shift, _), _ = envelope.body
        return Answer(self.asked[envelope.sender].popleft(), said, shift)

    def outcome(self) -> Outcome:
        """Where the run stands."""
        return self.host.outcome()

    def state(self) -> Pending:
        """Everything, and the answers to all that is under way, which are awaited and kept for later."""
        self.answers.extend([self._awaited() for _ in range(self.plan.cohort - len(self.answers))])
        return Pending(self.host.state(), self.models, list(self.answers), self.late)

    def restore(self, state: Pending, round: int) -> None:
        """Go on from `state` after `round` arrivals: what had come by then is heard first."""
        self.state()  # nothing of before is under way any more
        self.host.restore(state.host, round)
        self.models, self.late = np.array(state.models), np.array(state.late)
        self.answers = deque(Answer(Job(int(k), heard, int(sent)), *rest) for (k, heard, sent), *rest in state.answers)

    def close(self) -> None:
        """Dismiss everybody."""
        self.host.close()


def session_of(plan: Plan) -> type[Hosted] | type[FirstCome]:
    """Who hosts a run in workers: one that waits for all, or one that takes replies as they come.

    Raises `MethodError` for peers that wait for nobody, whose encounters are simulated only.
    """
    if plan.method.asynchronous and plan.pattern == "peers":
        raise MethodError(f"{type(plan.method).__name__} lets peers wake on clocks of their own, which only a virtual "
                          "clock does. Use runtime=accord.runtimes.Timed(), or GradientTracking.")  # fmt: skip
    return FirstCome if plan.method.asynchronous else Hosted


@jax.jit
def _updated(method: Any, server: Any, arrival: Arrival) -> Any:
    return method.update(server, arrival)
