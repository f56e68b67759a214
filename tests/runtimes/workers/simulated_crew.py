"""Workers of real runs over a simulated network: one thread, virtual time, a schedule that can be repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from accord.engine.planning.validation.timeouts import check_timeouts
from accord.protocol.driver import Clock, PartyDriver
from accord.protocol.timeouts import Timeouts
from accord.protocol.transport import Transport
from accord.runtimes.workers.assignment import divide
from accord.runtimes.workers.async_server import session_of
from accord.runtimes.workers.worker import Worker
from tests.protocol.simulated import CALM, Fate, Faults, SimulatedNetwork


@dataclass
class SimulatedCrew:
    """A runtime: `fate` says what is put on its way in place of an envelope."""

    workers: int
    faults: Faults = CALM
    seed: int = 0
    fate: Fate = lambda to, envelope: [envelope]
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(retry_interval=1.0))
    network: Any = None
    session: Any = None

    def start(self, plan: Any) -> Any:
        check_timeouts(self.timeouts, plan, "SimulatedCrew")
        parts = divide(plan, self.workers)

        def begin(own: int, transport: Transport, clock: Clock) -> PartyDriver:
            return Worker(parts[own], "this run", transport, own, self.timeouts.retry_interval, clock).driver

        self.network = SimulatedNetwork(self.seed, len(parts), begin, self.faults, self.fate)
        self.session = session_of(plan)(plan, parts, self.network, "this run", self.timeouts, self.network.clock)
        return self.session
