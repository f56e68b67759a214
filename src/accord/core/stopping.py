"""The rules by which a run ends: progress, agreement and rest together, a floor that is one, or failure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from accord.core.kinds import known_fields, number, shown, whole
from accord.core.stop_monitor import WINDOWS, Counts, Limits, Marks, Seen, StopMonitor, Window
from accord.errors import MethodError


@known_fields
@dataclass(frozen=True)
class Stop:
    """Stop when the objective has no way left to go AND the agents agree AND nothing moves; or at a limit.

    - `progress`: bound on the decrease still to come, relative to the decrease so far. It is extrapolated from how much
      F moved in two windows, d₂²/(d₁ − d₂), and has to hold for three pairs in a row.
    - `agreement`: bound on Σ p_k ‖x_k − x̄‖², zero if and only if all agents agree, relative to how far they moved and
      were ever apart; for prices on ‖Σ A_k x_k − b‖, relative to ‖b‖ + Σ ‖A_k x_k‖.
    - `window`: rounds w. `rounds`, `seconds`: limits.
    - `absolute`: the two bounds are in the problem's own units instead: |F(t−w) − F(t)|/w, and Σ p_k ‖x_k − x̄‖² or
      ‖Σ A_k x_k − b‖.

    Either alone misleads: a step that shrinks makes little progress far from the optimum, and agents that agree may all
    be wrong. So a round must also move the models, or the prices, by no more than √progress of the most it ever did.
    Whatever units the data have, the run stops at the same round. It also ends on a floor, where the method states one;
    when a number is no longer finite; when the objective or the disagreement grows far beyond where it began.

    >>> Stop(rounds=200, progress=1e-6)
    Stop(rounds=200, progress=1e-06, agreement=1e-08, window=10, seconds=None, absolute=False)
    """

    rounds: int = 1000
    progress: float = 1e-8
    agreement: float = 1e-8
    window: int = 10
    seconds: float | None = None
    absolute: bool = False

    def __post_init__(self) -> None:
        for name in ("rounds", "window"):
            given, least = getattr(self, name), int(name == "window")
            if (value := whole(given)) is None or value < least:
                what = shown(given) if number(given) is None else given
                raise MethodError(f"Stop({name}={what}): give a whole number of rounds, at least {least}.")
            object.__setattr__(self, name, value)
        for name in ("progress", "agreement", "seconds"):
            if (given := getattr(self, name)) is None and name == "seconds":
                continue
            if (value := number(given)) is None or not value >= 0:
                what = shown(given) if value is None else given
                raise MethodError(f"Stop({name}={what}): give a number that is not negative; 0 never stops on it.")
            object.__setattr__(self, name, value)

    def watch(self, x0: np.ndarray, *, prices: bool = False, floor: bool = False) -> StopMonitor:
        """An empty watch.

        - `x0`: (d,), whose dtype is the run's. `prices`: whether agents share a constraint. `floor`: whether the run
          has one, as its method states or by noise.
        """
        array: Any = np.asarray  # JAX takes them for its own
        number, flag, count = partial(array, dtype=x0.dtype), partial(array, dtype=bool), partial(array, dtype=np.int32)
        nothing = lambda *shape: number(np.full(shape, math.nan))  # noqa: E731
        limits = Limits(
            number(self.progress),
            number(self.agreement),
            count(min(self.window, 2**30)),
            flag(self.absolute),
            flag(prices),
            flag(floor),
            number(np.vdot(x0, x0)),
        )
        return StopMonitor(
            limits,
            seen=Seen(*[nothing()] * len(Seen._fields)),
            windows=nothing(WINDOWS + 1, len(Window._fields)),
            marks=nothing(len(Marks._fields)),
            counts=count(Counts(rounds=count(-1), begun=count(0), windows=count(0))),
            travel=number(0.0),
            since=count(0),
            fresh=flag(False),
        )
