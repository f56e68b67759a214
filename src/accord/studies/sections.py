"""The story of several runs that a study which ships reports besides its own run.

A study `studies/NAME.toml` may have a module `studies/NAME.py` beside it, with any of these functions:

- `chapters(study, run) -> Iterator[Chapter]`: what is reported after the run, each chapter as soon as it is known.
- `problem(...) -> Problem`: what `[problem]` means where it names neither a `table` nor a `kind`; its keys are the
  arguments.
- `network(problem, ...)`: what `[network]` means where it names no `kind`; its keys are the other arguments.

A study of one's own is a TOML file alone: reading it executes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from accord.results.reports.sections import Chapter

if TYPE_CHECKING:
    from accord.results.run import Run
    from accord.studies.study import Study


def module_of(path: Path) -> ModuleType | None:
    """The module beside a study that ships; None where there is none, and for every study of a user's own."""
    name = f"accord.studies.{path.stem}"
    ships = path.parent.resolve() == Path(__file__).parent.resolve()
    return import_module(name) if ships and find_spec(name) is not None else None


def told(study: Study, run: Run) -> Iterator[Chapter]:
    """The chapters of a study, one by one as they become known; none where it has none."""
    if hasattr(study.module, "chapters"):
        yield from study.module.chapters(study, run)  # pyright: ignore[reportOptionalMemberAccess]


def side_by_side(tasks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Return the results of several functions, by name, called at once: a small run mostly compiles, on one core.

    >>> side_by_side({"one": lambda: 1, "two": lambda: 2})
    {'one': 1, 'two': 2}
    """
    with ThreadPoolExecutor() as pool:
        started = {name: pool.submit(task) for name, task in tasks.items()}
        return {name: running.result() for name, running in started.items()}
