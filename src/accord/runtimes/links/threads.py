"""Threads of this process, and mailboxes in memory: the smallest engine, and the model of the others."""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass

import numpy as np

from accord.errors import MethodError
from accord.runtimes.arrivals import FirstCome, session_of
from accord.runtimes.host import Hosted
from accord.runtimes.link import HOST, Envelope
from accord.runtimes.plan import Plan
from accord.runtimes.worker import Worker


@dataclass(frozen=True)
class Mailboxes:
    """A link in memory: one queue a party."""

    own: int
    boxes: dict[int, queue.SimpleQueue[Envelope]]

    def send(self, to: int, envelope: Envelope) -> None:
        """Put it in the other's box."""
        self.boxes[to].put(envelope)

    def receive(self) -> Envelope:
        """Take the next from one's own."""
        return self.boxes[self.own].get()


@dataclass(frozen=True)
class Threads:
    """Run agents in worker threads of this process: every agent with its own unpadded data; opaque agents welcome.

    - `workers`: how many; a core each when not given. Agents are dealt out in consecutive shards.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> answer = accord.run(problem, accord.FedSGD(), runtime=Threads(workers=2), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(4))
    0.9091
    """

    workers: int | None = None

    def start(self, plan: Plan) -> Hosted | FirstCome:
        """A session with a thread a worker."""
        session = session_of(plan)
        wanted = self.workers if self.workers is not None else os.cpu_count() or 1
        if wanted < 1:
            raise MethodError(f"Threads(workers={wanted}): give at least one worker.")
        owners = np.arange(plan.problem.K) * min(wanted, plan.problem.K) // plan.problem.K
        boxes: dict[int, queue.SimpleQueue[Envelope]] = {w: queue.SimpleQueue() for w in (HOST, *set(owners.tolist()))}
        for worker in sorted(set(owners.tolist())):
            agents = np.flatnonzero(owners == worker).tolist()
            life = Worker(plan, agents, owners, Mailboxes(worker, boxes), worker).live
            threading.Thread(target=life, name=f"accord worker {worker}", daemon=True).start()
        return session(plan, owners, Mailboxes(HOST, boxes))
