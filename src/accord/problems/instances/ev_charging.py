"""Charging: electric cars that share what a transformer leaves, each within its own window and by its own deadline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from accord.errors import ProblemError
from accord.problems.objectives import CostCurve
from accord.problems.problem import Coupled


@dataclass(frozen=True, eq=False)
class Fleet:
    """Electric cars, an entry each; hours count from the beginning of the day that is planned.

    - `arrival`, `departure`: hours; plugged in from the one to the other. A car that stays over midnight leaves after
      hour 24, 31 for seven in the morning: every day is like the one that is planned, so the same plan has its morning
      too.
    - `need`: kWh that the battery must have gained by departure. `power`: kW, the most that the car takes.

    Raises `ProblemError` for a car that leaves before it arrives, stays for more than a day, or whose numbers are none.

    >>> Fleet([18, 9], [33, 15], [40, 20], [11, 11]).most(steps=4, hours=6.0).tolist()
    [[11.0, 5.5, 0.0, 11.0], [0.0, 5.5, 5.5, 0.0]]
    """

    arrival: np.ndarray
    departure: np.ndarray
    need: np.ndarray
    power: np.ndarray

    def __post_init__(self) -> None:
        for name in ("arrival", "departure", "need", "power"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), float))
        _check_fleet(self)

    def __len__(self) -> int:
        return len(self.arrival)

    def first(self, count: int) -> Fleet:
        """Select so many of its cars."""
        return Fleet(self.arrival[:count], self.departure[:count], self.need[:count], self.power[:count])

    def most(self, steps: int, hours: float) -> np.ndarray:
        """(K, T), kW that each car can take on average in each step of `hours`: less where it comes or goes."""
        return _folded(self._most_of_two_days(steps, hours))

    def at_once(self, steps: int, hours: float) -> np.ndarray:
        """(K, T), kW without coordination: every car charges at full power from arrival until done."""
        filled = np.cumsum(hours * self._most_of_two_days(steps, hours), axis=1)
        return _folded(np.diff(np.minimum(filled, self.need[:, None]), axis=1, prepend=0) / hours)

    def _most_of_two_days(self, steps: int, hours: float) -> np.ndarray:
        start = hours * np.arange(2 * steps)
        plugged = np.minimum(start + hours, self.departure[:, None]) - np.maximum(start, self.arrival[:, None])
        return self.power[:, None] * np.clip(plugged / hours, 0, 1)


def _folded(two_days: np.ndarray) -> np.ndarray:
    """The morning after at the place of the morning before."""
    return np.add(*np.split(two_days, 2, axis=1))


def _check_fleet(fleet: Fleet) -> None:
    shapes = {name: np.shape(getattr(fleet, name)) for name in ("arrival", "departure", "need", "power")}
    if len(set(shapes.values())) > 1 or len(shapes["arrival"]) != 1 or not len(fleet):
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ProblemError(f"A fleet has one number a car of each, but the shapes are {told}. Give (K,) of each.")
    arrival, departure = fleet.arrival, fleet.departure
    rules = (
        ("arrival", (arrival >= 0) & (arrival < 24), "an hour of the day, from 0 to below 24"),
        ("departure", np.isfinite(departure), "hours"),
        ("departure", departure > arrival, "an hour after its arrival; 31 is seven in the morning after"),
        ("departure", departure <= arrival + 24, "an hour at most 24 after its arrival: a day is planned"),
        ("need", np.isfinite(fleet.need) & (fleet.need >= 0), "kWh that are not negative"),
        ("power", np.isfinite(fleet.power) & (fleet.power > 0), "a positive number of kW"),
    )
    for name, sound, asked in rules:
        if not sound.all():
            k = int(np.argmin(sound))
            stay = f", and an arrival of {arrival[k]:g}" if name == "departure" else ""
            raise ProblemError(f"Car {k} has a {name} of {getattr(fleet, name)[k]:g}{stay}. Give {asked}.")


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
        Coupled.__init__(
            self,
            CostCurve(),
            [curve] * len(most),
            A=np.ones((len(most), steps)),
            b=limit - load,
            sense="<=",
            lower=0,
            upper=most,
            total=fleet.need / self.hours,
        )

    @property
    def hours(self) -> float:
        """Δ, of a step."""
        return 24 / len(self.load)

    @property
    def at_once(self) -> np.ndarray:
        """(K, T), kW without coordination: every car charges at full power from arrival until done."""
        return self.fleet.at_once(len(self.load), self.hours)


def charging(fleet: Fleet, load: Any, limit: float, tariff: Any, wear: float = 0.002) -> Charging:
    """Cars charge over a day, as cheaply as they can, and together with the homes keep a transformer's limit.

    Minimise Σ_k Σ_t Δ(tariff_t x_kt + wear/2 x_kt²) such that Σ_k x_kt + load_t ≤ limit at every step t, and that each
    car k has Σ_t Δ x_kt = need_k, 0 ≤ x_kt ≤ its power while it is plugged in. A car sends no one its window, its need
    or its wear: it receives a price for every step and answers with its plan. Prices are € for a kW during a step of Δ
    hours.

    - `load`: (T,), kW that the homes take in each of T steps of a day. `limit`: kW. `tariff`: €/kWh, (T,) or one.
    - `wear`: €/kWh for a kW more, positive; what makes the best response unique.

    Raises `ProblemError` where the homes alone exceed the limit, or a car cannot be charged in its window, and for
    numbers that are none.

    >>> fleet = Fleet(np.array([0.0, 0.0]), np.array([24.0, 12.0]), np.array([36.0, 36.0]), np.array([11.0, 11.0]))
    >>> charging(fleet, load=[1.0, 1.0, 1.0, 1.0], limit=5.0, tariff=0.3).solve().round(6).tolist()
    [[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 0.0, 0.0]]
    """
    load, tariff = np.asarray(load, float), np.asarray(tariff, float)
    if load.ndim != 1 or not len(load) or tariff.shape not in ((), (1,), load.shape):
        raise ProblemError(
            f"The load has the shape {load.shape} and the tariff {tariff.shape}. Give a load of (T,), a "
            "number a step, and a tariff alike, or one for all steps."
        )
    for name, values in (("load", load), ("tariff", tariff), ("limit", limit), ("wear", wear)):
        if wrong := int((~np.isfinite(values)).sum()):
            raise ProblemError(f"The {name} holds {wrong} numbers that are NaN or infinite. Give finite numbers.")
    if not wear > 0:
        raise ProblemError(f"wear={wear:g}: without a cost that curves a car has many best plans. Give e.g. 0.002.")
    return Charging(fleet, load, float(limit), np.broadcast_to(tariff, load.shape), float(wear))


def _check(problem: Charging, most: np.ndarray) -> None:
    load, limit, need = problem.load, problem.limit, problem.fleet.need
    if (over := load > limit).any():
        t = int(np.argmax(over))
        raise ProblemError(
            f"At hour {problem.hours * t:g} the homes alone take {load[t]:g} kW of {limit:g} kW. Raise the limit."
        )
    room = problem.hours * most.sum(1)
    if (late := room < need * (1 - 1e-12)).any():
        k = int(np.argmax(late))
        raise ProblemError(
            f"Car {k} needs {need[k]:g} kWh, but can take {room[k]:g} kWh while it is plugged in. "
            "Lower its need, or widen its window."
        )
