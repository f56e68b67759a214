"""When a run ends: on progress AND agreement together, or because it cannot go on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.errors import MethodError

GOING, CONVERGED, FLOOR, NOT_FINITE, GROWING, PARTING, IMPOSSIBLE = range(7)
"""The verdicts of a watch."""


@dataclass(frozen=True)
class Stop:
    """Stop when the objective no longer moves AND the agents agree; or at a limit.

    - `progress`: bound on |F(t−w) − F(t)|/w, the moving average of the decrease of the objective over `window` rounds.
    - `agreement`: bound on Σ p_k ‖x_k − x̄‖², zero if and only if all agents agree; for prices on ‖Σ A_k x_k − b‖.
    - `window`: rounds w. `rounds`, `seconds`: limits.

    Either alone misleads: a step that shrinks makes little progress far from the optimum, and agents that agree may all
    be wrong. A run also ends when it stands on a floor (no progress, and a disagreement that no longer falls), when a
    number is no longer finite, and when the objective or the disagreement has grown through a whole window, far beyond
    where it began, and no slower towards its end.

    >>> Stop(rounds=200, progress=1e-6)
    Stop(rounds=200, progress=1e-06, agreement=1e-08, window=10, seconds=None)
    """

    rounds: int = 1000
    progress: float = 1e-8
    agreement: float = 1e-8
    window: int = 10
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("rounds", "window"):
            value = getattr(self, name)
            if not float(value).is_integer() or value < (name == "window"):
                raise MethodError(
                    f"Stop({name}={value}): give a whole number of rounds, at least {int(name == 'window')}."
                )
        for name in ("progress", "agreement", "seconds"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise MethodError(f"Stop({name}={value}): give a number that is not negative; 0 never stops on it.")

    def watch(self, every: int, dtype: Any) -> Watch:
        """An empty watch for a run that records every so many rounds."""
        length = max(math.ceil(self.window / every), 1) + 1
        nothing = jnp.full(length, jnp.nan, dtype)
        number = lambda value: jnp.asarray(value, dtype)  # noqa: E731
        count = jnp.zeros((), jnp.int32)
        limits = number(self.progress), number(self.agreement)
        return Watch(nothing, nothing, count, number(every), limits[0], limits[1], nothing[0], nothing[0], nothing[0])


class Watch(NamedTuple):
    """The last records, as many as the verdict needs: part of a run's state, so a resumed run stops where it would."""

    objective: Array  # the last w+1 recorded, oldest first
    disagreement: Array
    count: Array  # records seen
    every: Array  # rounds between two
    progress: Array  # limits
    agreement: Array
    first: Array  # the objective at the start
    apart: Array  # the disagreement when the window was full for the first time: how far apart agents may be expected
    bound: Array  # no plan costs less, where a constraint is shared; infinite once none is found to meet it

    def see(self, objective: Array, disagreement: Array, bound: Array | float = math.nan) -> Watch:
        """The watch after one more record."""
        return self._replace(
            objective=jnp.append(self.objective[1:], objective),
            disagreement=jnp.append(self.disagreement[1:], disagreement),
            count=self.count + 1,
            first=jnp.where(self.count == 0, objective, self.first),
            apart=jnp.where(self.count + 1 == len(self.objective), disagreement, self.apart),
            bound=jnp.asarray(bound, self.bound.dtype),
        )

    def verdict(self) -> Array:
        """Whether and why to stop after these records."""
        F, V = self.objective, self.disagreement
        rounds = (len(F) - 1) * self.every
        full = self.count >= len(F)
        still = jnp.abs(F[0] - F[-1]) <= self.progress * rounds
        agree = V[-1] <= self.agreement
        stuck = jnp.abs(V[0] - V[-1]) <= 0.01 * V[0]  # falls less than a hundredth a window
        grown = _grows(F, self.first + 1e3 * (jnp.abs(self.first) + 1)) & (V[-1] >= V[0])
        grown &= ~jnp.isfinite(self.bound)  # where it is, the cost rises as demand is met, and the violation tells
        parting = _grows(V, 1e6 * self.apart) & (self.apart > 0)
        finite = jnp.isfinite(F[-1]) & jnp.isfinite(V[-1])
        active = (self.progress > 0) & full & still
        verdict = jnp.where(active & stuck & (V[-1] > 0), FLOOR, GOING)
        verdict = jnp.where(active & agree, CONVERGED, verdict)
        verdict = jnp.where(full & parting, PARTING, verdict)
        verdict = jnp.where(full & grown, GROWING, verdict)
        verdict = jnp.where(finite | (self.count == 0), verdict, NOT_FINITE)
        return jnp.where(jnp.isposinf(self.bound), IMPOSSIBLE, verdict).astype(jnp.int32)


def _grows(series: Array, limit: Array) -> Array:
    """Whether it rose at every record, no slower in the second half than in the first, and beyond a limit.

    What approaches a plateau slows down, as the cost does when prices rise from nothing.
    """
    middle = series[(len(series) - 1) // 2]
    return jnp.all(series[1:] > series[:-1]) & (series[-1] - middle >= middle - series[0]) & (series[-1] > limit)


def sentence(verdict: int, watch: Watch, what: str = "the agents disagree by") -> str:
    """Why a run stopped, in words."""
    rounds = (len(watch.objective) - 1) * int(watch.every)
    moved = abs(float(watch.objective[0] - watch.objective[-1])) / rounds
    height = float(watch.disagreement[-1])
    return {
        CONVERGED: f"converged: over {rounds} rounds the objective moved {moved:.1e} a round "
        f"(limit {float(watch.progress):.0e}), and {what} {height:.1e} (limit {float(watch.agreement):.0e})",
        FLOOR: f"stands on a floor: over {rounds} rounds the objective moved {moved:.1e} a round, "
        f"but {what} {height:.1e} and no longer come closer",
        NOT_FINITE: "diverged: the objective or a model is no longer finite",
        GROWING: f"diverged: the objective grew through {rounds} rounds, to {float(watch.objective[-1]):.3g}",
        PARTING: f"diverged: {what} {height:.1e}, more at each record of the last {rounds} rounds",
        IMPOSSIBLE: "cannot go on: no decisions within the agents' bounds meet the shared constraint, now violated by "
        f"{height:.3g}: in that direction even the least they add up to is too much, so the dual rises without end. "
        "Change b or the bounds",
    }[verdict]
