"""From the columns of a table to numbers, with nothing but sums leaving an agent."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from accord.core.kinds import printable
from accord.errors import DataError, ProblemError
from accord.problems.data.reading import tidied

INTERCEPT = "intercept"
CONSTANT = 1e-12  # a spread below this share of the mean is rounding
OTHER = "other"  # the level of all texts that too few rows hold
MANY = 20  # levels from which a column of text is reported
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?")


@dataclass(frozen=True, eq=False)
class Table:
    """The origin of a problem's numbers: enough to name a coefficient, encode new rows and trace a row to its agent.

    - `columns`: what each number of a decision weighs, "age", "sex=male", ..., "intercept"; d of them.
    - `means`, `scales`: (d,), the federated mean of each column, which stands in for a missing value, and its standard
      deviation, 1 where it is constant or nothing was standardised; 0 and 1 of the intercept.
    - `levels`: of each text column, sorted; where there is an intercept, the others are compared with the first.
    - `classes`: the values of the target, in the order of the labels 0, 1, ...; none where it is a number.
    - `rows`: the raw rows of every agent, in the order of its shard; they are the agent's own and are for its report.
    - `notes`: what was done that one may not expect, a phrase each.
    """

    by: str
    target: str
    features: tuple[str, ...]
    levels: Mapping[str, tuple[Any, ...]]
    columns: tuple[str, ...]
    means: np.ndarray
    scales: np.ndarray
    intercept: bool
    standardised: bool
    classes: tuple[Any, ...]
    rows: tuple[pd.DataFrame, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows as features (n, d), as the agents' own were encoded; missing values become the mean.

        Raises `DataError` for a text that no agent has, where rare ones are not together in one level.
        """
        frame = merged(tidied(frame), self.levels)
        for column, known in self.levels.items():
            if strange := sorted(set(frame[column].dropna()) - set(known), key=str):
                raise DataError(
                    f"Column {column!r} holds {strange[0]!r}, which no agent has. "
                    f"There is: {', '.join(map(str, known))}."
                )
        return self.scaled(encoded(frame, self.features, self.levels, self.intercept))

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """Encoded columns with missing values filled, and standardised."""
        filled = np.where(np.isnan(raw), self.means, raw)
        if not self.standardised:
            return filled
        far = filled - self.means
        return np.where(np.abs(far) > CONSTANT * np.abs(self.means), far, 0.0) / self.scales


def levels_of(
    frame: pd.DataFrame, features: Sequence[str], rows: Sequence[np.ndarray] = (), least: int = 1
) -> dict[str, tuple[Any, ...]]:
    """The texts of each text column that leave an agent, united over all.

    - `rows`: where each agent's rows are; an agent sends a level that `least` of its own rows hold, and of all others
      that there are some, which makes them one level.
    """
    return {name: _levels(frame[name], rows, least) for name in features if not _is_number(frame[name])}


def merged(frame: pd.DataFrame, levels: Mapping[str, tuple[Any, ...]]) -> pd.DataFrame:
    """The table with the texts that are no level of their own as the level of all others, where there is one."""
    changed = {}
    for name, known in levels.items():
        column: Any = frame[name]
        if OTHER in known and (rare := (~column.isin(known) & column.notna())).any():
            changed[name] = column.astype(object).mask(rare, OTHER)
    return frame.assign(**changed) if changed else frame


def column_names(features: Sequence[str], levels: Mapping[str, tuple[Any, ...]], intercept: bool) -> tuple[str, ...]:
    """Return the name of each encoded column."""
    names = [
        printable(f"{name}={level}") if level is not None else name
        for name, level in _plan(features, levels, intercept)
    ]
    return (*names, INTERCEPT) if intercept else tuple(names)


def encoded(
    frame: pd.DataFrame, features: Sequence[str], levels: Mapping[str, tuple[Any, ...]], intercept: bool
) -> np.ndarray:
    """Numbers as they are, a text as 0/1 columns, one a level; NaN where the table has no value. One row at a time."""
    numbers = {name: _numbers(frame[name]) for name in features if name not in levels}
    out = [
        numbers[name] if level is None else _indicator(frame[name], level)
        for name, level in _plan(features, levels, intercept)
    ]
    ones = [np.ones(len(frame))] if intercept else []
    return np.column_stack([*out, *ones]) if out or ones else np.zeros((len(frame), 0))


def moments(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of every column over all agents, missing values at the mean.

    Two exchanges of sums: Σ x and the count; then Σ (x − mean)². Rows stay where they are.
    """
    counts = np.sum([np.sum(~np.isnan(part), axis=0) for part in parts], axis=0)
    means = np.sum([np.nansum(part, axis=0) for part in parts], axis=0) / counts
    squares = np.sum([np.nansum((part - means) ** 2, axis=0) for part in parts], axis=0)
    spread = np.sqrt(squares / sum(len(part) for part in parts))
    return means, np.where(spread > CONSTANT * np.abs(means), spread, 1.0)


def _plan(features: Sequence[str], levels: Mapping[str, tuple[Any, ...]], intercept: bool) -> list[tuple[str, Any]]:
    """The encoded columns: a feature, and the level that it marks or None. A text that is constant keeps its level."""
    first = 1 if intercept else 0  # the columns of all levels sum to the intercept's
    marked = {name: known[first:] or known for name, known in levels.items()}
    return [(name, level) for name in features for level in marked.get(name, (None,))]


def _is_number(column: Any) -> bool:
    return pd.api.types.is_numeric_dtype(column) or bool(column.isna().all())


def _numbers(column: Any) -> np.ndarray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _indicator(column: Any, level: Any) -> np.ndarray:
    return np.where(column.isna(), np.nan, (column == level).to_numpy(dtype=np.float64, na_value=np.nan))


def _levels(column: Any, rows: Sequence[np.ndarray], least: int) -> tuple[Any, ...]:
    """The levels of a text column; what is no category is refused."""
    present = column.dropna()
    _check_category(column, present)
    told = [level for own in rows or [slice(None)] for level, count in _counts(column.iloc[own]) if count >= least]
    every = present.unique().tolist()
    rare = set(every) - set(told)
    if rare and not told:
        raise DataError(
            f"Column {column.name!r} is text, and no agent holds any of its {len(every)} levels in {least} "
            "rows, so that none may leave it. Give least=1 where they are no secret, or leave the column "
            "out: features=[...]."
        )
    return tuple(sorted(dict.fromkeys([*told, OTHER] if rare else told), key=str))


def _counts(column: Any) -> list[tuple[Any, int]]:
    return list(column.value_counts().items())


def _check_category(column: Any, present: Any) -> None:
    """Refuse times, lists, numbers among which something else stands, and texts of which there are as many as rows."""
    name = column.name
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise ProblemError(f"Column {name!r} holds times. Give a number, such as the days since a date.")
    if odd := [value for value in present if isinstance(value, list | tuple | dict | set | np.ndarray)]:
        raise DataError(
            f"Column {name!r} holds {reprlib.repr(odd[0])}, of the kind {type(odd[0]).__name__}. Give one "
            "number or text a cell: a column an entry."
        )
    texts = present.astype(str)
    if texts.map(lambda text: DATE.fullmatch(text) is not None).all():
        raise ProblemError(
            f"Column {name!r} holds dates as text, such as {texts.iloc[0]!r}. Give a number, such as "
            "the days since a date."
        )
    strange = present[np.isnan(np.asarray(pd.to_numeric(texts, errors="coerce"), float))]
    if 0 < len(strange) < len(present) / 2:
        raise DataError(
            f"Column {name!r} holds numbers, but in {len(strange)} of {len(column)} rows something "
            f"else, such as {strange.iloc[0]!r}. Write it as a number, or leave it empty."
        )
    levels = present.nunique()
    if levels == len(column) > 2 or levels > max(MANY / 2, len(present) / 2):
        differs = f"differs in all {len(column)}" if levels == len(column) else f"has {levels} values in {len(column)}"
        raise DataError(
            f"Column {name!r} is text and {differs} rows: a name, from which nothing can be learnt. Leave "
            "it out: features=[...]."
        )
