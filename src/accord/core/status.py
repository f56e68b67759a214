"""The reasons why a run ended: a member for code, a sentence for people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """The way a run ended: `short` for tables, `code` for the shell.

    0: the run converged, stopped at the limit of rounds or seconds that it was given, or came to rest on the floor that
    its method states. 3: it came to rest short of what was asked. 4: it diverged. 5: there is no answer. 130 and 143:
    it was stopped by SIGINT (Ctrl-C) or SIGTERM.

    >>> Status.CONVERGED.short, Status.CONVERGED.code, Status.OBJECTIVE_GROWS.diverged
    ('converged', 0, True)
    """

    CONVERGED = 1, "converged", 0
    ROUND_LIMIT = 2, "limit", 0
    TIME_LIMIT = 3, "limit", 0
    FLOOR = 4, "floor", 0
    UNMET = 5, "floor", 3  # a floor where agents share a constraint: it is not met
    UNMOVED = 6, "did not move", 3
    CAPS_UNMET = 7, "caps unmet", 3
    NOT_FINITE = 8, "diverged", 4
    OBJECTIVE_GROWS = 9, "diverged", 4
    DISAGREEMENT_GROWS = 10, "diverged", 4
    INFEASIBLE = 11, "infeasible", 5
    UNBOUNDED = 12, "unbounded", 5
    CAPS_IMPOSSIBLE = 13, "caps impossible", 5
    INTERRUPTED = 14, "interrupted", 130
    TERMINATED = 15, "terminated", 143

    def __init__(self, number: int, short: str, code: int) -> None:
        self.number, self.short, self.code = number, short, code

    @property
    def converged(self) -> bool:
        """True where all measures that are known hold."""
        return self is Status.CONVERGED

    @property
    def diverged(self) -> bool:
        """True where the run moved away from every answer."""
        return self.short == "diverged"

    @property
    def asked(self) -> bool:
        """True where the run was stopped on request."""
        return self in (Status.INTERRUPTED, Status.TERMINATED)


@dataclass(frozen=True)
class Ending:
    """A status with the numbers it rests on; `str` of it is the sentence.

    - `status`; `limit`: of rounds or seconds, where that is why; `note`: who is meant and what to do, in words, where
      more is known than these numbers.
    - `window`: rounds over which the run was judged. `objective`: F at the end.
    - `left`: the decrease still to come, relative to what was descended. `apart`: Σ p_k ‖x_k − x̄‖² or, where `prices`,
      ‖Σ A_k x_k − b‖; `share`: the same relative to how far agents moved, or to ‖b‖ + Σ ‖A_k x_k‖.
    - `progress`, `agreement`: the limits of the two; of F a round and of `apart` themselves where `absolute`.

    >>> print(Ending(Status.ROUND_LIMIT, limit=20))
    stopped at its limit of 20 rounds
    """

    status: Status
    limit: float = math.nan
    note: str = ""
    window: int = 0
    objective: float = math.nan
    left: float = math.nan
    apart: float = math.nan
    share: float = math.nan
    progress: float = math.nan
    agreement: float = math.nan
    prices: bool = False
    absolute: bool = False

    def __str__(self) -> str:
        return self.note or _SENTENCES[self.status](self)


def _still(end: Ending) -> str:
    if end.absolute:
        return f"over {end.window} rounds the objective moved {end.left:.1e} a round (limit {end.progress:.0e})"
    return f"the objective has {end.left:.1e} of its descent still to go (limit {end.progress:.0e})"


def _apart(end: Ending) -> str:
    what = "the shared constraint is violated by" if end.prices else "the agents disagree by"
    return f"{what} {end.apart:.1e}"


def _share(end: Ending) -> str:
    of = "" if end.absolute else f"{end.share:.1e} of " + ("what is exchanged, " if end.prices else "how they moved, ")
    return f"({of}limit {end.agreement:.0e})"


_SENTENCES = {
    Status.CONVERGED: lambda end: f"converged: {_still(end)}, and {_apart(end)} {_share(end)}",
    Status.ROUND_LIMIT: lambda end: f"stopped at its limit of {end.limit:.0f} rounds",
    Status.TIME_LIMIT: lambda end: f"stopped at its limit of {end.limit:g} seconds",
    Status.FLOOR: lambda end: (
        f"stands on a floor: {_still(end)}, but {_apart(end)} {_share(end)} and no longer come closer"
    ),
    Status.UNMET: lambda end: (
        f"stands on a floor: {_still(end)}, but {_apart(end)} {_share(end)} and by no less as the rounds go on"
    ),
    Status.UNMOVED: lambda end: (
        "did not move from x0: no agent has a gradient there, as at a minimum, a saddle or a "
        "plateau. Start from another x0, or give a loss that has a gradient"
    ),
    Status.NOT_FINITE: lambda end: "diverged: the objective or a model is no longer finite",
    Status.OBJECTIVE_GROWS: lambda end: (
        f"diverged: the objective grew through {end.window} rounds, to {end.objective:.3g}"
    ),
    Status.DISAGREEMENT_GROWS: lambda end: f"diverged: {_apart(end)}, ever more through {end.window} rounds",
    Status.INFEASIBLE: lambda end: (
        "cannot go on: no decisions within the agents' bounds meet the shared constraint, "
        f"now violated by {end.apart:.3g}: in that direction even the least they add up to is too much, so the dual "
        "rises without end. Change b or the bounds"
    ),
    Status.UNBOUNDED: lambda end: "cannot go on: the cost falls without end",
    Status.INTERRUPTED: lambda end: "was interrupted",
    Status.TERMINATED: lambda end: "was told to end (SIGTERM)",
}
