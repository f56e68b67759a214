"""Charging: electric cars that share what a transformer leaves, each within its own window and by its own deadline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from accord.errors import ProblemError
from accord.problems.objectives import CostCurve
from accord.problems.problem import Coupled


class Fleet(NamedTuple):
    """Electric cars, an entry each; hours count from the beginning of the day that is planned.

    - `arrival`, `departure`: hours; plugged in from the one to the other.
    - `need`: kWh that the battery must have gained by departure. `power`: kW, the most that the car takes.
    """

    arrival: np.ndarray
    departure: np.ndarray
    need: np.ndarray
    power: np.ndarray

    def most(self, steps: int, hours: float) -> np.ndarray:
        """(K, T), kW that each car can take on average in each step of `hours`: less where it comes or goes."""
        start = hours * np.arange(steps)
        plugged = np.minimum(start + hours, self.departure[:, None]) - np.maximum(start, self.arrival[:, None])
        return self.power[:, None] * np.clip(plugged / hours, 0, 1)


@dataclass(frozen=True, init=False, eq=False)
class Charging(Coupled):
    """A fleet, what it shares, and what it pays; see `charging`."""

    fleet: Fleet
    load: np.ndarray  # (T,) kW of the homes
    limit: float  # kW
    tariff: np.ndarray  # (T,) €/kWh
    wear: float

    def __init__(self, fleet: Fleet, load: np.ndarray, limit: float, tariff: np.ndarray, wear: float) -> None:
        for name, value in (("fleet", fleet), ("load", load), ("limit", limit), ("tariff", tariff), ("wear", wear)):
            object.__setattr__(self, name, value)
        steps, most = len(load), fleet.most(len(load), self.hours)
        _check(self, most)
        curve = tuple(np.broadcast_to(self.hours * c, (1, steps)) for c in (wear / 2, tariff, 0.0))
        Coupled.__init__(self, CostCurve(), [curve] * len(most), A=np.ones((len(most), steps)), b=limit - load,
                         sense="<=", lower=0, upper=most, total=fleet.need / self.hours)  # fmt: skip

    @property
    def hours(self) -> float:
        """Δ, of a step."""
        return 24 / len(self.load)

    @property
    def at_once(self) -> np.ndarray:
        """(K, T), kW where nobody coordinates: everyone charges at full power from arrival until done."""
        filled = np.cumsum(self.hours * self.fleet.most(len(self.load), self.hours), axis=1)
        return np.diff(np.minimum(filled, self.fleet.need[:, None]), axis=1, prepend=0) / self.hours


def charging(fleet: Fleet, load: Any, limit: float, tariff: Any, wear: float = 0.002) -> Charging:
    """Cars charge over a day, as cheaply as they can, and together with the homes keep a transformer's limit.

    Minimise Σ_k Σ_t Δ(tariff_t x_kt + wear/2 x_kt²) such that Σ_k x_kt + load_t ≤ limit at every step t, and that each
    car k has Σ_t Δ x_kt = need_k, 0 ≤ x_kt ≤ its power while it is plugged in. A car tells nobody its window, its need
    or its wear: it hears a price for every step and answers with its plan. Prices are € for a kW during a step of Δ
    hours.

    - `load`: (T,), kW that the homes take in each of T steps of a day. `limit`: kW. `tariff`: €/kWh, (T,) or one.
    - `wear`: €/kWh for a kW more; what makes the best response unique.

    Raises `ProblemError` where the homes alone exceed the limit, or a car cannot be charged in its window.

    >>> fleet = Fleet(np.array([0.0, 0.0]), np.array([24.0, 12.0]), np.array([36.0, 36.0]), np.array([11.0, 11.0]))
    >>> charging(fleet, load=[1.0, 1.0, 1.0, 1.0], limit=5.0, tariff=0.3).solve().round(6).tolist()
    [[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 0.0, 0.0]]
    """
    load = np.asarray(load, float)
    return Charging(fleet, load, float(limit), np.broadcast_to(np.asarray(tariff, float), load.shape), wear)


def _check(problem: Charging, most: np.ndarray) -> None:
    load, limit, need = problem.load, problem.limit, problem.fleet.need
    if (over := load > limit).any():
        t = int(np.argmax(over))
        raise ProblemError(f"At hour {problem.hours * t:g} the homes alone take {load[t]:g} kW of {limit:g} kW. "
                           "Raise the limit.")  # fmt: skip
    room = problem.hours * most.sum(1)
    if (late := room < need * (1 - 1e-12)).any():
        k = int(np.argmax(late))
        raise ProblemError(f"Car {k} needs {need[k]:g} kWh, but can take {room[k]:g} kWh while it is plugged in. "
                           "Lower its need, or widen its window.")  # fmt: skip
