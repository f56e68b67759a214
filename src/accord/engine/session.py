"""The contract of a runtime: a session advances, records, is saved and restored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from accord.core.stop_monitor import Seen, StopMonitor
from accord.engine.planning.plan import ALWAYS

if TYPE_CHECKING:
    from accord.engine.planning.plan import Plan


class Record(NamedTuple):
    """The measures of a run at one round; leading axis: the records."""

    objective: Any  # F(x̄), or Σ f_k(x_k) for prices
    disagreement: Any  # Σ p_k ‖x_k − x̄‖², or ‖Σ A_k x_k − b‖ (the positive part for ≤)
    worst: Any  # largest f_k
    dual_value: Any  # a lower bound on the optimum, for prices
    moved: Any  # Σ p_k ‖x_k − x0‖², or ‖b‖ + Σ ‖A_k x_k‖ for prices: by what disagreement is measured
    residual: Any = math.nan  # √ of the mean of Σ p_k ‖x_k⁺ − x_k‖² over the last rounds; of the price for prices
    clock: Any = None  # simulated seconds, where a clock runs
    staleness: Any = None  # the mean so far, in asynchronous runs
    stalest: Any = None  # the largest so far
    oldest: Any = ALWAYS  # the round of the oldest last reply of any agent, in asynchronous runs

    @property
    def seen(self) -> Seen:
        """The part that a watch judges."""
        return Seen(self.objective, self.disagreement, self.dual_value, self.moved)


class Outcome(NamedTuple):
    """The current answer of a run."""

    x: Any  # the answer, flat; (K, d) decisions for prices
    agents: Any  # (K, d), every agent's own
    prices: Any
    losses: Any  # f_k at the answer


class Session(Protocol):
    """A run at work in some runtime."""

    plan: Plan
    round: int
    watch: StopMonitor
    verdict: int

    def advance(self, records: int, every: int) -> Record:
        """Record, then `every` rounds, `records` times; fewer when the monitor stops. `every` 0 records only."""
        ...

    def outcome(self) -> Outcome:
        """Return the current answer of the run."""
        ...

    def state(self) -> Any:
        """Return all that a resumed run needs, as a pytree of NumPy arrays."""
        ...

    def restore(self, state: Any, round: int) -> None:
        """Continue from `state`, after `round` rounds."""
        ...

    def close(self) -> None:
        """Release workers and devices."""
        ...
