"""The agreement before a fit: the levels of categories, percentiles for knots, the level that is the event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from accord.errors import DataError, ProblemError
from accord.inference.design import Design, Level, Site
from accord.inference.formula import PERCENTS, SPLINES, complete, is_words, variables, within
from accord.inference.quantiles import quantiles
from accord.inference.sums import Reply, Sums

WORDS, NUMBERS = "words", "numbers"


def schema(site: Site, design: Design) -> Reply:
    """Complete rows, dropped rows, the kind of every column of the formula, and the levels of those with categories."""
    frame = complete(site, design)
    names = variables(design.formula, site.frame.columns)
    categorical = within("C", design.formula, names)
    kinds = [WORDS if is_words(site.frame[name]) else NUMBERS for name in names]
    levels = [
        _distinct(pd.Series(frame[name])) if kind == WORDS or name in categorical else np.empty(0)
        for name, kind in zip(names, kinds, strict=True)
    ]
    if site.limits is not None:
        for name, own in zip(names, levels, strict=True):
            site.limits.levels(site.name, len(frame), name, len(own))
    counts = np.array([len(frame), len(site.frame) - len(frame)])
    return counts, np.array(names, str), np.array(kinds, str), *levels


def _distinct(column: pd.Series) -> np.ndarray:
    values = column.astype(str) if is_words(column) else column.astype(float)
    return np.unique(values.to_numpy(str if is_words(column) else float))


@dataclass(frozen=True)
class Agreed:
    """The outcome of an agreement: the design with its levels, complete rows of each agent, and those dropped."""

    design: Design
    sizes: dict[str, int]
    dropped: dict[str, int]  # by agent, where there are any; "no agent" of a table's rows that name none


def agreed(sums: Sums, design: Design) -> Agreed:
    """Ask all agents for what their columns are, and complete the design. Raises `DataError` and `ProblemError`."""
    replies = sums.each("schema", design)
    sizes = tuple(int(reply[0][0]) for reply in replies)
    dropped = tuple(int(reply[0][1]) for reply in replies)
    if not sum(sizes):
        raise DataError(f"No agent has a row in which nothing of {design.formula!r} is missing. Leave columns out.")
    columns = replies[0][1].tolist()
    levels = []
    for j, name in enumerate(columns):
        kinds = [str(reply[2][j]) for reply, size in zip(replies, sizes, strict=True) if size]
        if len(set(kinds)) > 1:
            other = kinds.index(WORDS if kinds[0] == NUMBERS else NUMBERS)
            raise DataError(
                f"Column {name!r} holds {kinds[0]} at one agent and {kinds[other]} at another. Make them the same kind."
            )
        union = sorted({value for reply in replies for value in reply[3 + j].tolist()})
        if union:
            levels.append((name, tuple(union)))
    design = _with_event(replace(design, levels=tuple(levels)))
    missing = {name: count for name, count in zip(sums.names, dropped, strict=True) if count}
    if unowned := getattr(sums.population, "unowned", 0):
        missing["no agent"] = unowned
    return Agreed(_with_grid(sums, design, columns), dict(zip(sums.names, sizes, strict=True)), missing)


def _with_event(design: Design) -> Design:
    """A response of two words is one where it is the last of them."""
    levels: Sequence[Level] = dict(design.levels).get(design.response, ())
    if not levels or not isinstance(levels[0], str):
        return design
    if len(levels) != 2:
        raise ProblemError(
            f"The response {design.response!r} has the words {', '.join(map(str, levels))}; it has to have two, of "
            "which the last in the alphabet is the event, or numbers."
        )
    rest = tuple((name, own) for name, own in design.levels if name != design.response)
    return replace(design, levels=rest, event=str(levels[1]))


def _with_grid(sums: Sums, design: Design, columns: Sequence[str]) -> Design:
    """Percentiles of the columns that stand within a spline."""
    if not SPLINES.search(design.terms):
        return design
    names = within("bs|cr|cs|cc|poly", design.terms, columns)
    found = quantiles(sums, design, names, PERCENTS)
    return replace(design, grid=tuple((name, tuple(found[name].tolist())) for name in names))
