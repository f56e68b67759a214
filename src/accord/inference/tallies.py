"""The answers of one agent about single columns: counts, sums and tables; its own limits withhold small cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accord.errors import UnknownName
from accord.inference.design import Design, Site
from accord.inference.formula import is_words
from accord.inference.sums import Reply
from accord.inference.survival_rows import in_words

NUMBERS, WORDS, SHARES = 0, 1, 2
"""The kinds of a column: numbers, words, or only zeros and ones."""


def columns_of(site: Site, design: Design) -> tuple[str, ...]:
    """The columns that are described: those with the role, or all but the agents'."""
    asked = tuple(name for role, name in design.roles if role.startswith("column"))
    for name in asked:
        if name not in site.frame:
            raise UnknownName("column", name, site.frame.columns)
    return asked or tuple(name for name in site.frame.columns if name != design.by)


def kinds(site: Site, design: Design) -> Reply:
    """The columns, what each holds, and the distinct words of those that hold words or shares."""
    names = columns_of(site, design)
    told = [_kind(pd.Series(site.frame[name])) for name in names]
    words = [
        np.array(sorted(set(in_words(site.frame[name].dropna().to_numpy()))) if kind == WORDS else [], str)
        for name, kind in zip(names, told, strict=True)
    ]
    if site.limits is not None:
        for name, own in zip(names, words, strict=True):
            site.limits.levels(site.name, len(site.frame), name, len(own))
    return np.array(names, str), np.array(told), *words


def _kind(column: pd.Series) -> int:
    known = column.dropna()
    if is_words(column):
        return WORDS
    return SHARES if known.isin([0, 1]).all() else NUMBERS


def groups_of(site: Site, design: Design) -> list[np.ndarray]:
    """Return the rows of each agreed group; all in one where there are none."""
    grouping = dict(design.roles).get("group")
    if grouping is None:
        return [np.ones(len(site.frame), bool)]
    words = np.array(in_words(site.frame[grouping].to_numpy()), str)
    return [words == str(label) for label in dict(design.levels)[grouping]]


def profile(site: Site, design: Design) -> Reply:
    """Rows, and of each column n, missing, Σ and Σ² by group: (G,), (4, columns, G). Of words Σ and Σ² are zero."""
    groups, names = groups_of(site, design), columns_of(site, design)
    told = np.zeros((4, len(names), len(groups)))
    for j, name in enumerate(names):
        column = pd.Series(site.frame[name])
        values = np.zeros(len(column)) if is_words(column) else column.to_numpy(float, na_value=np.nan)
        empty = column.isna().to_numpy()
        for g, here in enumerate(groups):
            known = values[here & ~empty]
            told[:, j, g] = len(known), (here & empty).sum(), known.sum(), known @ known
            shares = np.array([known.sum(), len(known) - known.sum()])
            if _kind(column) == SHARES and small(shares, site).any():
                told[2:, j, g] = np.nan
    return np.array([float(here.sum()) for here in groups]), told


def tallies(site: Site, design: Design) -> Reply:
    """Rows of each agreed level of each column with words, by group: (levels, G); withheld ones are not a number."""
    groups, levels = groups_of(site, design), dict(design.levels)
    grouping = dict(design.roles).get("group")
    told = []
    for name in columns_of(site, design):
        if name in levels and name != grouping:
            words = np.array(in_words(site.frame[name].to_numpy()), str)
            counts = [[float(((words == str(level)) & here).sum()) for here in groups] for level in levels[name]]
            told.append(withheld(np.array(counts), site))
    return (np.concatenate([np.zeros((0, len(groups))), *told]),)


def table(site: Site, design: Design) -> Reply:
    """The two-way table of two columns, over the rows in which neither is missing; withheld whole for a small cell."""
    (_, row), (_, column) = design.roles
    levels = dict(design.levels)
    rows, columns = (np.array(in_words(site.frame[name].to_numpy()), str) for name in (row, column))
    counts = [[float(((rows == str(r)) & (columns == str(c))).sum()) for c in levels[column]] for r in levels[row]]
    told = np.array(counts)
    return (np.full(told.shape, np.nan) if small(told, site).any() else told,)


def small(counts: np.ndarray, site: Site) -> np.ndarray:
    """Mark the counts from 1 up to the site's least cell."""
    return (counts > 0) & (counts < (0 if site.limits is None else site.limits.cell))


def withheld(counts: np.ndarray, site: Site) -> np.ndarray:
    """Counts (levels, G), nan where they are small; and of one alone the next, or their sum would reveal it."""
    told, hidden = counts.copy(), small(counts, site)
    for g in np.flatnonzero(hidden.sum(0) == 1):
        rest = np.where(hidden[:, g] | (counts[:, g] == 0), np.inf, counts[:, g])
        hidden[int(rest.argmin()), g] |= np.isfinite(rest).any()
    told[hidden] = np.nan
    return told
