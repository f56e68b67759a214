"""The checks of a grid: what is refused, by the name of the bus, the line or the plant."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from accord.errors import ProblemError

KINDS: dict[str, Any] = {
    **dict.fromkeys(("plants", "ends"), int),
    **dict.fromkeys(("demand", "cost2", "cost1", "cost0", "least", "most", "susceptance", "limit", "shift"), float),
}
"""The arrays of a grid, and what their numbers are."""

OF_BUSES, OF_PLANTS, OF_LINES = (
    ("demand",),
    ("plants", "cost2", "cost1", "cost0", "least", "most"),
    ("ends", "susceptance", "limit", "shift"),
)


def check(grid: Any) -> None:
    """Refuse a grid that is none."""
    _check_lengths(grid)
    _check_buses(grid)
    _check_numbers(grid)
    check_joined(grid.name, grid.buses, grid.ends)


def _check_lengths(grid: Any) -> None:
    counts = ("bus", len(grid.buses), OF_BUSES), ("plant", len(grid.plants), OF_PLANTS), ("line", None, OF_LINES)
    for what, count, names in counts:
        count = len(grid.ends) if count is None else count
        for name in names:
            shape = (count, 2) if name == "ends" else (count,)
            if (found := getattr(grid, name).shape) != shape:
                raise ProblemError(
                    f"The grid {grid.name} has {name} of shape {found}, and {count} of one a {what}. Give {shape}."
                )
    if not len(grid.buses) or not len(grid.plants):
        raise ProblemError(
            f"The grid {grid.name} has {len(grid.buses)} buses and {len(grid.plants)} plants that run. "
            "Give at least one of each."
        )


def _check_buses(grid: Any) -> None:
    name, times = Counter(grid.buses).most_common(1)[0]
    if times > 1:
        raise ProblemError(f"The grid {grid.name} has {times} buses called {name}. Give every bus its own name.")
    n = len(grid.buses)
    for what, places in (("Plant", grid.plants[:, None]), ("Line", grid.ends)):
        if (strange := (places < 0) | (places >= n)).any():
            k, i = np.argwhere(strange)[0]
            raise ProblemError(
                f"{what} {k} of the grid {grid.name} is at bus number {places[k, i]}, and its {n} buses "
                f"have the places 0 to {n - 1}. Give the place of a bus."
            )
    if (loops := grid.ends[:, 0] == grid.ends[:, 1]).any():
        k = int(np.argmax(loops))
        raise ProblemError(
            f"Line {k} of the grid {grid.name} leads from bus {grid.buses[grid.ends[k, 0]]} to itself. Leave it out."
        )


def _check_numbers(grid: Any) -> None:
    """Finite where they have to be, and of the right sign."""
    rules = (
        ("demand", np.isfinite(grid.demand), lambda i: f"bus {grid.buses[i]}", "a finite number of MW"),
        *(
            (name, np.isfinite(getattr(grid, name)), _plant(grid), "a finite number")
            for name in ("cost2", "cost1", "cost0")
        ),
        (
            "cost2",
            grid.cost2 >= 0,
            _plant(grid),
            "a number that is not negative: a cost that curves down has no best response",
        ),
        ("least", grid.least <= grid.most, _plant(grid), "a number that is not above most"),
        (
            "susceptance",
            np.isfinite(grid.susceptance) & (grid.susceptance != 0),
            _line(grid),
            "the base over a reactance that is not 0",
        ),
        ("limit", grid.limit >= 0, _line(grid), "MW that are not negative, or infinity where there is no limit"),
        ("shift", np.isfinite(grid.shift), _line(grid), "a finite number of MW"),
    )
    for name, sound, called, asked in rules:
        if not sound.all():
            i = int(np.argmin(sound))
            raise ProblemError(
                f"The {called(i)} of the grid {grid.name} has a {name} of {getattr(grid, name)[i]:g}. Give {asked}."
            )


def _plant(grid: Any) -> Any:
    return lambda i: f"plant {i} at bus {grid.buses[grid.plants[i]]}"


def _line(grid: Any) -> Any:
    return lambda i: f"line {grid.buses[grid.ends[i, 0]]}–{grid.buses[grid.ends[i, 1]]}"


def check_joined(name: str, buses: tuple[str, ...], ends: np.ndarray, when: str = "") -> None:
    """Refuse a grid that falls into parts: power would cross where no line is."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n, (first, second) = len(buses), ends.T
    parts, part = connected_components(csr_array((np.ones(len(first)), (first, second)), (n, n)), directed=False)
    if parts > 1:
        alone = buses[int(np.argmax(part != part[0]))]
        raise ProblemError(
            f"The grid {name} falls into {parts} parts{when}: no line joins bus {alone} to bus "
            f"{buses[0]}. Solve the parts one by one."
        )
