"""Rows in groups, by a column of the table they came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from accord.core.formatting import number
from accord.errors import ProblemError, UnknownName
from accord.problems.data.encoding import Table

FEW, MOST = 8, 60  # values of a column of numbers that are groups as they are; groups that are distinguished


def grouped(table: Table, by: str) -> tuple[np.ndarray, list[str]]:
    """The group of every row, agent after agent, and what the groups are called.

    Raises `UnknownName` with the nearest column, and `ProblemError` where there would be too many groups.
    """
    if by not in table.rows[0].columns:
        raise UnknownName("column", by, table.rows[0].columns)
    column: Any = pd.concat([frame[by] for frame in table.rows])
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.nunique() > FEW:
        column = _cut(column, table, by)
    codes, names = pd.factorize(column, sort=True, use_na_sentinel=True)
    if len(names) > MOST:
        raise ProblemError(
            f"Column {by!r} has {len(names)} values, and a group each would tell nobody anything. "
            "Give a column of numbers, or one of few values."
        )
    called = [_called(by, value) for value in names]
    return np.where(codes < 0, len(called), codes), [*called, *([f"{by} missing"] if (codes < 0).any() else [])]


def _cut(column: Any, table: Table, by: str) -> Any:
    """Numbers in four parts, at their mean and a standard deviation below and above: what agents sent already."""
    if by not in table.columns:
        raise ProblemError(
            f"Column {by!r} has {column.nunique()} values and is no feature, so nobody knows its mean, "
            "at which it could be cut. Make it a feature, or a column of few values."
        )
    i = table.columns.index(by)
    mean, scale = float(table.means[i]), float(table.scales[i])
    edges = [mean - scale, mean, mean + scale]
    low, middle, high = (number(edge, 3) for edge in edges)
    names = [f"{by} to {low}", f"{by} {low} to {middle}", f"{by} {middle} to {high}", f"{by} from {high}"]
    return pd.cut(column, [-np.inf, *edges, np.inf], labels=names)


def _called(by: str, value: Any) -> str:
    """The name of a group: its value, with the column's name where that is a number."""
    return (
        str(value) if isinstance(value, str) else f"{by} {value:g}" if not isinstance(value, bool) else f"{by} {value}"
    )
