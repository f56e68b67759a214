"""An asynchronous server in front of real workers: it takes replies as they come off the link."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.core import trees
from accord.core.random import Purpose, key_for
from accord.core.stop_monitor import StopMonitor
from accord.engine import agent_kernels
from accord.engine.events.server import turned
from accord.engine.planning.plan import Plan
from accord.engine.session import Outcome, Record
from accord.methods.contracts import Arrival
from accord.protocol.driver import Clock
from accord.protocol.messages import Kind
from accord.protocol.timeouts import Timeouts
from accord.protocol.transport import Supervisor
from accord.runtimes.workers.assignment import Assignment
from accord.runtimes.workers.async_peers import AsyncPeersSession
from accord.runtimes.workers.synchronous import HostState, SyncWorkersSession, advance_blocks


class Job(NamedTuple):
    """A request to a worker."""

    k: int
    broadcast: Any
    sent: int  # at which arrival


class Answer(NamedTuple):
    """The answer to a request."""

    job: Job
    reply: Any
    shift: Any  # the agent's proposal, seen from the model that it had received


class Pending(NamedTuple):
    """The state of such a run: as a checkpoint keeps it."""

    host: HostState
    models: Any
    answers: list[Answer]  # all that were under way, in the order in which they came
    staleness: Any
    seen: Any
    turned: Any


class AsyncServerSession:
    """A run in workers whose server receives one reply at a time, and sends that agent off anew; see `Session`."""

    def __init__(
        self,
        plan: Plan,
        parts: tuple[Assignment, ...],
        transport: Supervisor,
        run: str,
        timeouts: Timeouts,
        clock: Clock = time.monotonic,
    ) -> None:
        self.plan, self.host = plan, SyncWorkersSession(plan, parts, transport, run, timeouts, clock)
        self.coordinator = self.host.coordinator
        self.models = np.tile(plan.x0, (plan.problem.K, 1))  # what each agent proposed last
        self.staleness = np.zeros(2)  # staleness: the sum, and the largest
        self.seen, self.turned = np.zeros(plan.problem.K, np.int32), 0  # as in `asynchronous.Carry`
        self.answers = deque[Answer]()  # come, and not taken yet
        self.asked = {worker: deque[Job]() for worker in range(len(parts))}  # oldest first, which is worked on
        for k in range(plan.cohort):
            self._send(k)

    @property
    def round(self) -> int:
        """Arrivals so far."""
        return self.host.round

    @property
    def watch(self) -> StopMonitor:
        """The host's."""
        return self.host.watch

    @property
    def verdict(self) -> int:
        """The host's."""
        return self.host.verdict

    def advance(self, records: int, every: int) -> Record:
        """Record, then `every` arrivals, `records` times, until the monitor stops the run."""
        return advance_blocks(self, records, every)

    def recorded(self) -> Record:
        """Return one record, while no agent is at work."""
        self._drain()
        centre = self.plan.weights @ self.models
        self.host.disagreement = self.plan.weights @ ((self.models - centre) ** 2).sum(1)
        record = self.host.recorded(int(np.min(np.append(self.seen[self.plan.weights > 0], self.turned))))
        return record._replace(staleness=self.staleness[0] / max(self.round, 1), stalest=self.staleness[1])

    def go_on(self, count: int) -> None:
        """Advance by so many arrivals."""
        for _ in range(count):
            self._receive(self.answers.popleft() if self.answers else self._next_answer())

    def _receive(self, answer: Answer) -> None:
        """Take one arrival: the server's update, and the next job."""
        (k, heard, sent), said, shift = answer
        arrival = Arrival(heard, said)
        before = self.host.server
        self.host.server = agent_kernels.arrays(_updated(self.plan.method, before, arrival))
        self.seen[k] = self.round + 1
        self.turned = self.round + 1 if turned(before, self.host.server) else self.turned
        self.host.went(self.host.step(before), 1)
        self.models[k] = heard.x + shift
        self.staleness = np.array([self.staleness[0] + self.round - sent, max(self.staleness[1], self.round - sent)])
        self.host.round += 1
        self._send(self._next_agent(k))

    def _next_agent(self, k: int) -> int:
        """Return the agent to dispatch next: the one that replied; under partial participation, a random one."""
        K = self.plan.problem.K
        if self.plan.cohort == K:
            return k
        return int(jax.random.randint(key_for(self.host.key, self.round, K, Purpose.COHORT), (), 0, K))

    def _send(self, k: int) -> None:
        worker = int(self.host.owners[k])
        self.asked[worker].append(
            Job(k, agent_kernels.arrays(self.plan.method.broadcast(self.host.server)), self.round)
        )
        self._occupy(worker)

    def _occupy(self, worker: int) -> None:
        """Give an idle worker the next of its agents to work on."""
        if self.asked[worker] and worker not in self.coordinator.at_work:
            job, one = self.asked[worker][0], np.ones(1, self.plan.dtype)
            place = self.host.places[job.k : job.k + 1]
            self.coordinator.send(
                Kind.RESPOND, job.sent, {worker: (place, one, one, *trees.host_leaves(job.broadcast))}
            )

    def _next_answer(self) -> Answer:
        """The next answer, with all agents at work."""
        for worker in self.asked:
            self._occupy(worker)
        answer = self._taken()
        self._occupy(int(self.host.owners[answer.job.k]))
        return answer

    def _taken(self) -> Answer:
        """The next answer off the link."""
        worker, (*said, shift, _) = self.coordinator.next_reply()
        return Answer(self.asked[worker].popleft(), jax.tree.unflatten(self.host.reply, said), shift)

    def _drain(self) -> None:
        """Wait until no agent is at work, so that all can be asked something else; the next dispatch waits for it."""
        while self.coordinator.at_work:
            self.answers.append(self._taken())

    def outcome(self) -> Outcome:
        """Return the current answer of the run."""
        self._drain()
        return self.host.outcome()

    def state(self) -> Pending:
        """Return the whole state, with the answers to all that is under way, which are awaited and kept for later."""
        self.answers.extend([self._next_answer() for _ in range(self.plan.cohort - len(self.answers))])
        return Pending(
            self.host.state(), self.models, list(self.answers), self.staleness, self.seen.copy(), self.turned
        )

    def restore(self, state: Pending, round: int) -> None:
        """Go on from `state` after `round` arrivals: what had come by then is taken first."""
        self.state()  # nothing of before is under way any more
        self.host.restore(state.host, round)
        self.models, self.staleness, self.seen = np.array(state.models), np.array(state.staleness), np.array(state.seen)
        self.turned = int(state.turned)
        self.answers = deque(Answer(Job(int(k), heard, int(sent)), *rest) for (k, heard, sent), *rest in state.answers)

    def close(self) -> None:
        """Dismiss all workers."""
        self.host.close()


def session_of(plan: Plan) -> type[SyncWorkersSession] | type[AsyncServerSession] | type[AsyncPeersSession]:
    """Choose the session of a run in workers: synchronous, asynchronous server, or asynchronous peers."""
    if not plan.method.asynchronous:
        return SyncWorkersSession
    return AsyncPeersSession if plan.pattern == "peers" else AsyncServerSession


@jax.jit
def _updated(method: Any, server: Any, arrival: Arrival) -> Any:
    return method.update(server, arrival)
