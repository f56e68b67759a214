"""A study: everything that `accord.run` is given, read from a TOML file.

```toml
title = "Four hospitals, one model"

[problem]                 # a table, one agent a group ...
table = "hospitals.csv"   # beside the study, or a path
by = "hospital"
target = "pancreatitis"
model = "logistic"
# kind = "quadratic"      # ... or a problem of accord.problems, with its arguments: H = [1, 2], c = [0, 1]

[method]
name = "fedavg"           # of accord.methods, with its hyper-parameters
local = { kind = "sgd", steps = 20, batch_size = 32 }
optimizer = { kind = "adam", learning_rate = 0.01 }

[network]                 # for peers
kind = "ring"             # of accord.networks, with its arguments; n is the number of agents
weights = "lazy"          # other weights on the same graph
lose = 0.1                # links fail; also sleep, delay

[[channel]]               # what happens to messages, one after another
kind = "clip"
bound = 1.0

[run]
seed = 0
participation = 0.5
record = 10

[stop]
rounds = 500
progress = 1e-9
```

A study of kind inference has a table `[inference]` instead of all these: see `accord.studies.fits`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from accord import networks
from accord.core.stopping import Stop
from accord.errors import UnknownName
from accord.methods import BY_NAME, pattern_of
from accord.problems import Problem
from accord.results.reports.sections import Chapter
from accord.results.run import Run
from accord.run import run
from accord.studies import registry
from accord.studies.from_toml import build
from accord.studies.sections import module_of, told
from accord.studies.toml_source import Source

HERE = Path(__file__).parent
PACKAGED: tuple[str, ...] = tuple(sorted(path.stem for path in HERE.glob("*.toml")))
"""The names of the studies that ship with the package."""


@dataclass(frozen=True)
class Settings:
    """The table `[run]`."""

    seed: int = 0
    participation: float | int | None = None
    record: int | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """A study, ready to run.

    - `name`: of the file, without its ending. `title`, `about`: for the reader. `method_name`: as in the study.
    - `module`: of a study that ships, which yields its chapters.

    >>> study = load("dispatch")
    >>> study.method_name, study.run().prices.round(4).tolist()
    ('dual_decomposition', [9.4])
    """

    name: str
    title: str
    about: str
    problem: Problem
    method_name: str
    method: Any
    network: Any
    channel: Any
    settings: Settings
    stop: Stop
    module: ModuleType | None = None

    def with_method(self, name: str) -> Study:
        """The same study by another method, by its name; its own method keeps its hyper-parameters.

        Peers exchange over the study's network, or over a ring where it has none. Raises `UnknownName`.
        """
        if name not in BY_NAME:
            raise UnknownName("method", name, BY_NAME)
        method = self.method if name == self.method_name else BY_NAME[name]()
        pattern, network = pattern_of(method), None
        if pattern == "peers":
            network = self.network or networks.ring(self.problem.K)
        settings = self.settings if pattern == "server" else dataclasses.replace(self.settings, participation=None)
        return dataclasses.replace(self, method_name=name, method=method, network=network, settings=settings)

    def run(self, **keywords: Any) -> Run:
        """`accord.run` on the study; keywords (`notify`, `runtime`, `checkpoint`) go along."""
        given = {"network": self.network, "channel": self.channel, "stop": self.stop} | vars(self.settings) | keywords
        outcome = run(self.problem, self.method, **given)
        kind = BY_NAME[self.method_name]
        return dataclasses.replace(outcome, facts=dataclasses.replace(outcome.facts, method=kind.__name__))

    def chapters(self, run: Run) -> Iterator[Chapter]:
        """Yield the study's chapters besides its run, as each becomes known; many studies have none.

        - `run`: the study's own, as `Study.run` gives it.
        """
        return told(self, run)


def load(name: str | Path) -> Study:
    """Read a study: one that ships with the package, by its name, or the TOML file at a path.

    Raises `UnknownName` where there is neither, and `StudyError`, with the line, where the file is wrong.

    >>> load("hospitls")
    Traceback (most recent call last):
    accord.errors.UnknownName: No study is called 'hospitls', and no file either. Did you mean 'hospitals'?
    """
    path = HERE / f"{name}.toml" if str(name) in PACKAGED else Path(name)
    if not path.is_file():
        raise UnknownName("study", str(name), PACKAGED, ", and no file either")
    return read(source_of(path), path)


def is_fit(name: str | Path) -> bool:
    """Tell whether the file at a path is a study of kind inference, which `accord.studies.fits` reads."""
    path = Path(name)
    return str(name) not in PACKAGED and path.is_file() and "inference" in source_of(path).tables


def source_of(path: Path) -> Source:
    """The text of a file, by the file's name."""
    return Source(path.name, path.read_text(encoding="utf-8-sig"))


def read(source: Source, path: Path) -> Study:
    """The study that a text describes; files it names lie beside `path`."""
    _outline(source)
    module = module_of(path)
    problem = registry.problem(source, path, module)
    method = registry.method(source)
    return Study(
        name=path.stem,
        title=source.tables.get("title", path.stem),
        about=source.tables.get("about", ""),
        problem=problem,
        method_name=source.tables["method"]["name"],
        method=method,
        network=registry.network(source, problem, module),
        channel=registry.channel(source),
        settings=build(Settings, source.tables.get("run", {}), source, ("run",)),
        stop=build(Stop, source.tables.get("stop", {}), source, ("stop",)),
        module=module,
    )


TEXT, TABLE, TABLES = str, dict, list
OUTLINE: dict[str, type] = {"title": TEXT, "about": TEXT, "problem": TABLE, "method": TABLE, "network": TABLE}
OUTLINE |= {"channel": TABLES, "run": TABLE, "stop": TABLE}
FORMS = {TEXT: "text", TABLE: "table", TABLES: "list of tables, [[channel]]"}


def _outline(source: Source) -> None:
    """The tables that a study has, and those that it must have."""
    for key, value in source.tables.items():
        if key == "inference":
            raise source.error((key,), "This is a study of kind inference, which has no method. Use accord run.")
        if key not in OUTLINE:
            raise source.unknown((key,), "table or key", key, OUTLINE, " in a study")
        if not isinstance(value, OUTLINE[key]):
            raise source.error((key,), f"{key} is not a {FORMS[OUTLINE[key]]}. Write it as one.")
    for key in ("problem", "method"):
        if key not in source.tables:
            raise source.error((), f"The study has no table [{key}]. Give one.")
