"""The context of a report, besides the run: words, and numbers to measure it with. Kept beside a saved run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from accord.core.disk import write_whole
from accord.core.formatting import number
from accord.errors import SavedRunError
from accord.results.reports.sections import Section, section
from accord.results.run import Run

FILE = "story.json"


@dataclass(frozen=True)
class ReportContext:
    """Words for a report.

    - `title`, `about`: of the study. `notes`: sentences about the outcome.
    - `columns`: more about the agents, a number each. `optimum`: F at the centralised answer, where it is known.
    - `chapters`: what the study reports besides its run.
    """

    title: str = ""
    about: str = ""
    notes: tuple[str, ...] = ()
    columns: dict[str, tuple[float, ...]] = field(default_factory=dict)
    optimum: float | None = None
    chapters: tuple[Section, ...] = ()

    def keep(self, directory: Path) -> None:
        """Write it to a directory."""
        told = json.loads(json.dumps(dataclasses.asdict(self)))  # as it will be read
        body = json.dumps({**told, "checksum": _checksum(told)}, indent=1, ensure_ascii=False) + "\n"
        write_whole(directory, {FILE: body.encode()})

    @classmethod
    def of(cls, directory: str | Path) -> ReportContext:
        """The story in a directory, or an empty one. Raises `SavedRunError` where it is damaged."""
        path = Path(directory) / FILE
        if not path.exists():
            return cls()
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if told.pop("checksum") != _checksum(told):
                raise ValueError("its checksum does not match its content")
            columns = {name: tuple(map(float, column)) for name, column in told["columns"].items()}
            chapters = tuple(map(section, told["chapters"]))
            return cls(**told | {"notes": tuple(told["notes"]), "columns": columns, "chapters": chapters})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SavedRunError(f"{path} is damaged. Remove it to report the run without it.") from error


def _checksum(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def measured(run: Run, optimum: float, distance: float) -> str:
    """Write how far the run is from the centralised answer, a sentence.

    - `optimum`: F there. `distance`: ‖x − x*‖.
    """
    gap = abs(float(run.history["objective"].iloc[-1]) - optimum)
    if run.facts.pattern == "prices":
        start = f"A planner who knew every cost would pay {number(optimum, 7)}"
    else:
        start = f"All rows in one place would give an objective of {number(optimum, 6)}"
    return f"{start}; this run's differs by {number(gap, 2)}, and its answer is {number(distance, 2)} away."


def bounded(run: Run) -> str:
    """Write how near the run is to the least that any plan costs, by its own prices, where no planner was asked."""
    gap, cost = float(run.history["gap"].iloc[-1]), float(run.history["objective"].iloc[-1])
    return (
        f"No planner who knew every cost was asked, there are too many; but the prices prove that none could save "
        f"more than {number(abs(gap), 2)} of {number(cost, 7)}."
    )


def beside_alone(run: Run, everyone: Sequence[float]) -> str:
    """Write what agents would have found alone, a sentence; `everyone`: F at each agent's own model."""
    least, most = float(np.nanmin(everyone)), float(np.nanmax(everyone))
    return (
        f"On everybody's rows the models that agents find alone lose {number(least)} to {number(most)}; "
        f"the common one loses {number(run.history['objective'].iloc[-1])}."
    )
