"""From the columns of a table to numbers, with nothing but sums leaving an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from accord.errors import DataError, ProblemError

INTERCEPT = "intercept"
CONSTANT = 1e-12  # a spread below this share of the mean is rounding


@dataclass(frozen=True, eq=False)
class Table:
    """Where a problem's numbers come from: enough to name a coefficient, encode new rows and trace a row to its agent.

    - `columns`: what each number of a decision weighs, "age", "sex=male", ..., "intercept"; d of them.
    - `means`, `scales`: (d,), the federated mean of each column, which stands in for a missing value, and its standard
      deviation, 1 where it is constant or nothing was standardised; 0 and 1 of the intercept.
    - `levels`: of each text column, sorted; where there is an intercept, the others are compared with the first.
    - `classes`: the values of the target, in the order of the labels 0, 1, ...; none where it is a number.
    - `rows`: the raw rows of every agent, in the order of its shard; they are the agent's own and are for its report.
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
    rows: tuple[pd.DataFrame, ...]

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows as features (n, d), as the agents' own were encoded; missing values become the mean.

        Raises `DataError` for a text that no agent has.
        """
        for column, known in self.levels.items():
            if strange := sorted(set(frame[column].dropna()) - set(known), key=str):
                raise DataError(f"Column {column!r} holds {strange[0]!r}, which no agent has. "
                                f"There is: {', '.join(map(str, known))}.")  # fmt: skip
        return self.scaled(encoded(frame, self.features, self.levels, self.intercept))

    def scaled(self, raw: np.ndarray) -> np.ndarray:
        """Encoded columns with missing values filled, and standardised."""
        filled = np.where(np.isnan(raw), self.means, raw)
        return (filled - self.means) / self.scales if self.standardised else filled


def levels_of(frame: pd.DataFrame, features: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """The texts of each text column, over all agents: the list of them is all that is united."""
    return {name: _levels(frame[name]) for name in features if not _is_number(frame[name])}


def column_names(features: Sequence[str], levels: Mapping[str, tuple[Any, ...]], intercept: bool) -> tuple[str, ...]:
    """What each encoded column is called."""
    names = [f"{name}={level}" if level is not None else name for name, level in _plan(features, levels, intercept)]
    return (*names, INTERCEPT) if intercept else tuple(names)


def encoded(
    frame: pd.DataFrame, features: Sequence[str], levels: Mapping[str, tuple[Any, ...]], intercept: bool
) -> np.ndarray:
    """Numbers as they are, a text as 0/1 columns, one a level; NaN where the table has no value. One row at a time."""
    numbers = {name: _numbers(frame[name]) for name in features if name not in levels}
    out = [numbers[name] if level is None else _indicator(frame[name], level)
           for name, level in _plan(features, levels, intercept)]  # fmt: skip
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


def _levels(column: Any) -> tuple[Any, ...]:
    """The levels of a text column; what is no category is refused."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise ProblemError(f"Column {column.name!r} holds times. Give a number, such as the days since a date.")
    present = column.dropna()
    levels = tuple(sorted(present.unique().tolist(), key=str))
    strange = present[np.isnan(np.asarray(pd.to_numeric(present.astype(str), errors="coerce"), float))]
    if 0 < len(strange) < len(present) / 2:
        raise DataError(f"Column {column.name!r} holds numbers, but in {len(strange)} of {len(column)} rows something "
                        f"else, such as {strange.iloc[0]!r}. Write it as a number, or leave it empty.")  # fmt: skip
    if len(levels) == len(column) > 2:
        raise DataError(f"Column {column.name!r} is text and differs in all {len(column)} rows: a name, from which "
                        "nothing can be learnt. Leave it out: features=[...].")  # fmt: skip
    return levels
