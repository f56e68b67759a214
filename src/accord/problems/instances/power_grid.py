"""Power grids: buses, plants and lines, and how power that is fed in spreads over the lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from accord.errors import ProblemError
from accord.problems.instances.grid_checks import KINDS, check, check_joined

ISOLATED = 4  # the type of a bus that is out of service


@dataclass(frozen=True, eq=False)
class Grid:
    """A power grid in the direct-current approximation: flows are proportional to differences of voltage angles.

    - `buses`: (n,), what they are called. `demand`: (n,), MW, what flows off at each.
    - `plants`: (G,), the place of each plant's bus among the buses; `cost2`, `cost1`, `cost0`: (G,), its cost
      c₂P² + c₁P + c₀ in $/h for P MW; `least`, `most`: (G,), MW.
    - `ends`: (L, 2), the places of a line's buses; `susceptance`: (L,), MW a radian; `limit`: (L,), MW, infinite where
      there is none; `shift`: (L,), MW that a phase shifter adds to its flow.

    Raises `ProblemError` for a grid that falls into parts, a bus that is named twice or is not there, a plant or a line
    whose numbers are none; a line without reactance has no susceptance.

    >>> grid = pjm5()
    >>> float(grid.demand.sum()), float(grid.most.sum())
    (1000.0, 1530.0)
    """

    name: str
    buses: tuple[str, ...]
    demand: np.ndarray
    plants: np.ndarray
    cost2: np.ndarray
    cost1: np.ndarray
    cost0: np.ndarray
    least: np.ndarray
    most: np.ndarray
    ends: np.ndarray
    susceptance: np.ndarray
    limit: np.ndarray
    shift: np.ndarray

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
        object.__setattr__(self, "buses", tuple(map(str, self.buses)))
        check(self)

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the lines: by their buses, "4–5", with a number where there are several between two."""
        plain = [f"{self.buses[i]}–{self.buses[j]}" for i, j in self.ends]
        return tuple(
            f"{name} ({plain[: i + 1].count(name)})" if plain.count(name) > 1 else name for i, name in enumerate(plain)
        )

    @cached_property
    def incidence(self) -> np.ndarray:
        """C (L, n): 1 where a line begins, −1 where it ends."""
        C = np.zeros((len(self.ends), len(self.buses)))
        C[np.arange(len(C)), self.ends[:, 0]] = 1
        C[np.arange(len(C)), self.ends[:, 1]] = -1
        return C

    @cached_property
    def shift_factors(self) -> np.ndarray:
        """H (L, n): what one MW fed in at a bus, and taken out at all buses alike, adds to the flow on each line.

        H = diag(s) C (Cᵀ diag(s) C)⁺, so that no bus has to be singled out as a reference.
        """
        C, s = self.incidence, self.susceptance[:, None]
        return s * C @ np.linalg.pinv(C.T @ (s * C), hermitian=True)

    def flows(self, power: Any) -> np.ndarray:
        """MW on each line, from its first bus to its second, when the plants give `power` (G,) in MW."""
        return self.shift_factors @ (self.fed_in(power) - self.incidence.T @ self.shift) + self.shift

    def fed_in(self, power: Any) -> np.ndarray:
        """MW at each bus: what its plants give, less its demand."""
        return np.bincount(self.plants, np.asarray(power, float), len(self.buses)) - self.demand

    def without_line(self, line: int) -> Grid:
        """The grid when a line, by its place, has failed. Raises `ProblemError` where it falls apart.

        >>> len(pjm5().without_line(0).ends)
        5
        """
        kept = np.arange(len(self.ends)) != line
        check_joined(self.name, self.buses, self.ends[kept], f" without the line {self.lines[line]}")
        return replace(
            self,
            ends=self.ends[kept],
            susceptance=self.susceptance[kept],
            limit=self.limit[kept],
            shift=self.shift[kept],
        )


def ieee(case: str) -> Grid:
    """One of PYPOWER's cases: "case9", "case14", "case30", "case39", "case57", "case118", "case300", ...

    Plants and lines that are out of service are left out, and isolated buses (type 4) with theirs; lines with a rating
    of 0, or of 9900 MW and more, have no limit. Raises `UnknownName`, `MissingExtra` where PYPOWER is not installed,
    and `ProblemError` as `Grid` does.
    """
    from accord.problems.data.sources.pypower import case_of

    return of_tables(case, **case_of(case))


def of_tables(
    name: str, *, baseMVA: float, bus: np.ndarray, branch: np.ndarray, gen: np.ndarray, gencost: np.ndarray, **_: Any
) -> Grid:
    """Build a grid from the columns of MATPOWER's tables, as its manual numbers them."""
    isolated = set(bus[bus[:, 1] == ISOLATED, 0])
    bus = bus[bus[:, 1] != ISOLATED]
    known = set(bus[:, 0]) | isolated
    for what, numbers in (("plant", gen[:, :1]), ("line", branch[:, :2])):
        if strange := [number for number in numbers.ravel() if number not in known]:
            raise ProblemError(
                f"A {what} of {name} is at bus {strange[0]:.0f}, which its table of buses lacks. "
                "Add the bus, or correct the number."
            )
    running = (gen[:, 7] > 0) & ~np.isin(gen[:, 0], list(isolated))
    closed = (branch[:, 10] > 0) & ~np.isin(branch[:, :2], list(isolated)).any(1)
    gen, cost, branch = gen[running], gencost[: len(running)][running], branch[closed]
    if (short := branch[:, 3] == 0).any():
        one, other = branch[int(np.argmax(short)), :2]
        raise ProblemError(
            f"The line {one:.0f}–{other:.0f} of {name} has a reactance of 0, so that no angle is its "
            "own. Make the two buses one, or give a small reactance."
        )
    if (cost[:, 0] != 2).any() or (cost[:, 3] > 3).any():
        raise ProblemError(f"A plant of {name} has a cost that is no polynomial of degree 2. Take another case.")
    place = {number: i for i, number in enumerate(bus[:, 0])}
    curves = np.zeros((3, len(gen)))  # c₂, c₁, c₀
    for k, row in enumerate(cost):
        curves[3 - int(row[3]) :, k] = row[4 : 4 + int(row[3])]
    susceptance = baseMVA / (branch[:, 3] * np.where(branch[:, 8] == 0, 1, branch[:, 8]))
    rated = (branch[:, 5] > 0) & (branch[:, 5] < 9900)
    return Grid(
        name=name,
        buses=tuple(f"{number:.0f}" for number in bus[:, 0]),
        demand=bus[:, 2] + bus[:, 4],
        plants=np.array([place[number] for number in gen[:, 0]]),
        cost2=curves[0],
        cost1=curves[1],
        cost0=curves[2],
        least=gen[:, 9],
        most=gen[:, 8],
        ends=np.array([[place[a], place[b]] for a, b in branch[:, :2]]),
        susceptance=susceptance,
        limit=np.where(rated, branch[:, 5], np.inf),
        shift=-np.deg2rad(branch[:, 9]) * susceptance,
    )


def pjm5() -> Grid:
    """The five buses of PJM's training course: five plants, six lines, and one of them full.

    Plants Alta, Park City, Solitude, Sundance and Brighton; the prices at the optimum are 16.98, 26.38, 30, 39.94 and
    10 $/MWh. Source: Li, Bo 2010, Small test systems for power system economic studies; MATPOWER's case5.
    """
    ends = np.array([[0, 1], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4]])
    reactance = np.array([0.0281, 0.0304, 0.0064, 0.0108, 0.0297, 0.0297])
    return Grid(
        name="pjm5",
        buses=("1", "2", "3", "4", "5"),
        demand=np.array([0.0, 300.0, 300.0, 400.0, 0.0]),
        plants=np.array([0, 0, 2, 3, 4]),
        cost2=np.zeros(5),
        cost1=np.array([14.0, 15.0, 30.0, 40.0, 10.0]),
        cost0=np.zeros(5),
        least=np.zeros(5),
        most=np.array([40.0, 170.0, 520.0, 200.0, 600.0]),
        ends=ends,
        susceptance=100 / reactance,
        limit=np.array([400.0, np.inf, np.inf, np.inf, np.inf, 240.0]),
        shift=np.zeros(6),
    )
