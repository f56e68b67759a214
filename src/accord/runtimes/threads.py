"""Threads of this process, and mailboxes in memory: the smallest engine, and the model of the others."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from accord.engine.planning.plan import Plan
from accord.errors import MethodError
from accord.protocol.messages import COORDINATOR, Envelope
from accord.protocol.timeouts import Timeouts
from accord.protocol.transports.queues import QueueTransport
from accord.runtimes.workers.assignment import divide
from accord.runtimes.workers.async_peers import AsyncPeersSession
from accord.runtimes.workers.async_server import AsyncServerSession, session_of
from accord.runtimes.workers.synchronous import SyncWorkersSession, new_run_id
from accord.runtimes.workers.worker import Worker


@dataclass(frozen=True)
class Threads:
    """Run agents in worker threads of this process, each a shard of them in one batch; opaque agents welcome.

    - `workers`: how many; a core each when not given. A worker asks its opaque agents one after another, and several
      workers ask side by side where what they ask lets go of Python's lock: give one an agent to ask all at once.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> answer = accord.run(problem, accord.FedSGD(), runtime=Threads(workers=2), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(4))
    0.9091
    """

    workers: int | None = None

    def mapping(self, agents: Sequence[Any]) -> Callable[..., Iterator[Any]]:
        """A map over these agents by the workers, for questions that have no rounds: what `accord.inference` asks."""
        return ThreadPoolExecutor(min(self._wanted, len(agents))).map

    @property
    def _wanted(self) -> int:
        wanted = self.workers if self.workers is not None else os.cpu_count() or 1
        if wanted < 1:
            raise MethodError(f"Threads(workers={wanted}): give at least one worker.")
        return wanted

    def start(self, plan: Plan) -> SyncWorkersSession | AsyncServerSession | AsyncPeersSession:
        """A session with a thread a worker."""
        session = session_of(plan)
        parts, run, timeouts = divide(plan, self._wanted), new_run_id(), Timeouts()
        boxes: dict[int, queue.SimpleQueue[Envelope]] = {
            w: queue.SimpleQueue() for w in (COORDINATOR, *range(len(parts)))
        }
        workers = [
            Worker(part, run, QueueTransport(w, boxes), w, timeouts.retry_interval) for w, part in enumerate(parts)
        ]
        lives = tuple(threading.Thread(target=worker.live, daemon=True) for worker in workers)
        for life in lives:
            life.start()
        return session(plan, parts, QueueTransport(COORDINATOR, boxes, lives), run, timeouts)
