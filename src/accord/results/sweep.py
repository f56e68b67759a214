"""The results of a sweep: its runs, and the best of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.core.late import late
from accord.errors import MethodError
from accord.results.run import Run

if TYPE_CHECKING:
    import pandas as pd

ABOVE = {
    "sweep_figure": "accord.results.reports.sweep_figures:sweep_figure",
}
"""The attributes of a sweep that are built from sweeps in other modules."""


SAME = 1e-6  # of the way down: objectives that differ by less count as equally low


@dataclass(frozen=True, eq=False)
class Sweep:
    """Runs that ended, one for each combination of values.

    - `values`: the hyper-parameters of each run, by name. `runs`: the runs, in the same order.
    - `best`: the run that did best; `best_values`: its hyper-parameters.
    """

    values: tuple[dict[str, Any], ...]
    runs: tuple[Run, ...]

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __getitem__(self, i: int) -> Run:
        return self.runs[i]

    @property
    def best(self) -> Run:
        """The lowest objective, and of those as low, within 1e-6 of the way down, the one that converged soonest.

        Where none of those converged, the one that was as low soonest. Where agents share a constraint, a cost is low
        for who violates it: the one that converged soonest, or else the least violation. Raises `MethodError` where
        every run diverged.
        """
        return self.runs[self._told_best()]

    @property
    def best_values(self) -> dict[str, Any]:
        """The hyper-parameters of the best run."""
        return self.values[self._told_best()]

    def table(self) -> pd.DataFrame:
        """A row a run: its hyper-parameters, where it ended, and why."""
        import pandas as pd

        told = ("objective", "disagreement", "worst", "rounds", "converged", "reason")
        rows = [values | {name: run.summary()[name] for name in told} for values, run in self._pairs()]
        return pd.DataFrame(rows)

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw where every run ended, and the way of each. Returns a matplotlib figure."""
        sweep_figure = late(ABOVE, "sweep_figure")
        figure = sweep_figure(self.values, self.runs, self._best)
        if path is not None:
            figure.savefig(path)
        return figure

    def __str__(self) -> str:
        tried = ", ".join(f"{len({repr(v[name]) for v in self.values})} of {name}" for name in self.values[0])
        if self._best is None:
            return f"{len(self)} runs ({tried}), all of which diverged."
        converged = sum(run.converged for run in self.runs)
        chosen = ", ".join(f"{name} {word(value)}" for name, value in self.best_values.items())
        return f"{len(self)} runs ({tried}), of which {converged} converged. Best is {chosen}:\n{self.best}"

    @property
    def _best(self) -> int | None:
        return _best_of(self.runs)

    def _told_best(self) -> int:
        if self._best is None:
            raise MethodError(f"All {len(self)} runs diverged. Try smaller steps.")
        return self._best

    def _pairs(self) -> Iterator[tuple[dict[str, Any], Run]]:
        return zip(self.values, self.runs, strict=True)


def _best_of(runs: Sequence[Run]) -> int | None:
    """The number of the run that did best, as `Sweep.best` has it; None where all diverged."""
    able = {i: run for i, run in enumerate(runs) if not run.status.diverged}
    if runs[0].facts.pattern == "prices":
        merit = {i: run.history["violation"].iloc[-1] for i, run in able.items()}
    else:
        height = {i: run.history["objective"].to_numpy() for i, run in able.items()}
        low = min((objective[-1] for objective in height.values()), default=0.0)
        bound = low + SAME * abs(runs[0].history["objective"].iloc[0] - low)
        merit = {
            i: runs[i].history["round"].iloc[int(np.argmax(objective <= bound))]
            for i, objective in height.items()
            if objective[-1] <= bound
        }
    order = {i: (0, runs[i].rounds) if runs[i].converged else (1, value) for i, value in merit.items()}
    return min(order, key=order.__getitem__, default=None)


def word(value: Any) -> str:
    """A value as one reads it.

    >>> word(0.0501), word("adam")
    ('0.0501', 'adam')
    """
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)
