"""A study of kind inference: a fit or a description of `accord.inference`, read from a TOML file.

```toml
title = "Indomethacin after ERCP"

[inference]
kind = "glm"              # or cox, describe: of accord.inference, with its arguments
table = "hospitals"       # a table that ships, a file beside the study, or a path
by = "hospital"
formula = "pancreatitis ~ indomethacin + age"
family = "binomial"
limits = { rows = 20 }    # of every agent; none where left out
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import Any

from accord.inference import GLM, Cox, Description, Limits, cox, describe, glm
from accord.studies.datasets import DATASETS, dataset
from accord.studies.from_toml import build, chosen
from accord.studies.study import source_of
from accord.studies.toml_source import Source

WHERE = ("inference",)
KINDS: Mapping[str, Callable[..., Any]] = MappingProxyType({"glm": glm, "cox": cox, "describe": describe})
OUTLINE = ("title", "about", "inference")
FIXED = ("runtime", "network", "channel")
"""Arguments that are no plain values, so that a text cannot give them."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A study of kind inference, and what it found. `name`: of the file; `title`, `about`: for the reader."""

    name: str
    title: str
    about: str
    found: GLM | Cox | Description


def fitted(name: str | Path) -> Fitted:
    """Read a study of kind inference and fit it.

    Raises `StudyError`, with the line, where the file is wrong or the fit is refused.
    """
    path = Path(name)
    source = source_of(path)
    for key in source.tables:
        if key not in OUTLINE:
            raise source.unknown((key,), "table or key", key, OUTLINE, " in a study of kind inference")
    if not isinstance(source.tables["inference"], dict):
        raise source.error(WHERE, "inference is not a table. Write it as one.")
    make, table = chosen(KINDS, source.tables["inference"], source, WHERE)
    if "table" not in table:
        raise source.error(WHERE, "[inference] lacks the key 'table'. Give it.")
    rows = _rows(str(table.pop("table")), path, source)
    if isinstance(table.get("limits"), dict):
        table["limits"] = build(Limits, table["limits"], source, (*WHERE, "limits"))
    fixed = {key: None for key in FIXED if key in signature(make).parameters}
    found = build(partial(make, rows), table, source, WHERE, ("table",), **fixed)
    return Fitted(path.stem, source.tables.get("title", path.stem), source.tables.get("about", ""), found)


def _rows(table: str, path: Path, source: Source) -> Any:
    """A table that ships, or the path of a file."""
    if table in DATASETS:
        return dataset(table)
    file = path.parent / table
    if not file.is_file():
        raise source.unknown((*WHERE, "table"), "table", table, DATASETS, f", and no file {str(file)!r} either")
    return file
