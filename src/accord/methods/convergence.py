"""The point to which a method converges, and how fast: facts that code reads, each with its sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """The rate at which the distance to the answer falls with the rounds: like t^`t`, or (log t) t^`t` with `log`.

    The contract suite measures it; where it is a paper's `bound`, that the method is no slower.

    >>> print(Rate(t=-0.5)), Rate(t=-0.5).at(400)
    1/√t
    (None, 0.05)
    >>> print(Rate(t=-1, log=True))
    (log t)/t
    """

    t: float
    log: bool = False
    bound: bool = False

    def at(self, rounds: float) -> float:
        """Its value after so many rounds, more than one."""
        return rounds**self.t * (math.log(rounds) if self.log else 1)

    def __str__(self) -> str:
        power = {-0.5: "√t", -1.0: "t"}.get(self.t, f"t^{-self.t:g}")
        return f"{'(log t)' if self.log else '1'}/{power}"


@dataclass(frozen=True)
class Convergence:
    """The point to which a method converges, and the rate where that is slower than geometric.

    >>> print(Convergence(rate=Rate(t=-0.5)))
    the optimum in the limit, its distance falling like 1/√t
    """

    to: str = "the optimum"
    rate: Rate | None = None

    def __str__(self) -> str:
        if self.rate is None:
            return self.to
        falls = "at least like" if self.rate.bound else "like"
        return f"{self.to} in the limit, its distance falling {falls} {self.rate}"
