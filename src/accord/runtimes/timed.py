"""All agents in one program, and a virtual clock beside them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from accord.clocks import Clock
from accord.engine.planning.plan import Plan
from accord.runtimes.vectorised import Vectorised, VectorisedSession


@dataclass(frozen=True)
class Timed:
    """Simulate every agent in one process, on a virtual clock: history has simulated seconds, and staleness.

    A method that waits takes as long as those it waits for: a server as the slowest of its cohort, a peer as the
    slowest of its neighbours. Of an asynchronous one a round is one arrival, in the order that the clock makes.

    - `clock`: how long agents work and messages travel; one second of work each when not given.
    - `devices`: as `Vectorised` has it.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0], c=[2.0, 2.0])
    >>> slow = accord.Clock(compute=[1.0, 10.0])
    >>> for method in accord.FedSGD(), accord.AsyncSGD():
    ...     answer = accord.run(problem, method, runtime=Timed(slow), stop=accord.Stop(rounds=20), record=20)
    ...     print(float(answer.history["clock"].iloc[-1]))
    200.0
    19.0
    """

    clock: Clock = field(default_factory=Clock)
    devices: int | None = None

    def start(self, plan: Plan) -> VectorisedSession:
        """A session with every agent at x0, and the clock at 0.

        Raises `ClockError` where it is of other agents, and `MethodError` where they could not break off their work.
        """
        return Vectorised(self.devices).start(replace(plan, clock=self.clock))
