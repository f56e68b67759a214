"""A table in, a problem out: one agent a group of rows, encoded and scaled without pooling a row."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from accord.core.kinds import known_keywords, printable, whole
from accord.errors import DataError, ProblemError, UnknownName
from accord.problems import library
from accord.problems.data.encoding import (
    CONSTANT,
    INTERCEPT,
    MANY,
    OTHER,
    Table,
    column_names,
    encoded,
    levels_of,
    merged,
    moments,
)
from accord.problems.data.reading import read as read_as
from accord.problems.problem import Problem
from accord.problems.regularizers import L1

L2 = 0.01  # of a classifier, unless given: enough for a unique answer

CLASSIFIERS = ("logistic", "softmax", "svm")
FREE = ("logistic", "softmax", "least_squares")  # whose l2 may leave an intercept free
MODELS: Mapping[str, Callable[..., Problem]] = MappingProxyType(
    {
        "logistic": library.logistic,
        "softmax": library.softmax,
        "svm": library.svm,
        "least_squares": library.least_squares,
        "lasso": library.lasso,
    }
)


@known_keywords
def from_table(
    table: Any,
    by: str,
    target: str,
    model: str = "logistic",
    *,
    features: list[str] | None = None,
    l2: float | None = None,
    l1: float | None = None,
    missing: str = "refuse",
    standardise: bool = True,
    intercept: bool = True,
    weights: Any = None,
    least: int = 5,
    read: Mapping[str, Any] | None = None,
) -> Problem:
    """Make one agent of each group of rows, called by the group's name, in the order in which the groups appear.

    - `table`: a DataFrame, or the path of a CSV or a Parquet file. Texts are stripped, and blank ones missing.
    - `by`: the column that names a row's agent.
    - `target`: the column to predict. Of logistic and svm it has two values, which are sorted and become 0 and 1; of
      softmax any number of classes; of least_squares and lasso it is a number.
    - `model`: "logistic", "softmax", "svm", "least_squares" or "lasso".
    - `features`: the columns to predict from, all others if not given. Text becomes 0/1 columns, one a level but
      for the first; true and false become 1 and 0.
    - `l2`: 0.01 for a classifier and 0 for least squares unless given; `l1`: of lasso. They leave the intercept free,
      so that the mean of what is foretold is the mean of what happened; but for svm, where l2 holds it as LIBLINEAR's.
    - `missing`: "refuse" a value that is missing; or "mean", the mean of its column over all agents.
    - `standardise`: every column to mean 0 and variance 1 over all agents; constant columns become 0.
    - `intercept`: a last column of ones. `weights`: p_k, one an agent or a dict by name.
    - `least`: a text leaves an agent where so many of its own rows hold it; texts that no agent may send are one level,
      "other". Give 1 where they are no secret.
    - `read`: arguments of `pandas.read_csv`, such as `{"sep": ";", "decimal": ","}`; what is not given is found, and
      what was found is reported by `problem.table.notes` and the run.

    Means and variances are federated: agents send sums and counts, and no row leaves its agent. `problem.table` keeps
    what was done, so that coefficients can be named and new rows encoded.

    Raises `DataError` with the column, the agent and the count, `ProblemError`, and `UnknownName` with the nearest.

    >>> frame = pd.DataFrame({"farm": ["A", "A", "B", "B"], "rain": [1.0, 3, 5, 7], "crop": [2.0, 3, 6, 7]})
    >>> problem = from_table(frame, by="farm", target="crop", model="least_squares")
    >>> problem.names, problem.table.columns, problem.table.means.tolist(), problem.solve().round(3).tolist()
    (('A', 'B'), ('rain', 'intercept'), [4.0, 0.0], [2.012, 4.5])
    """
    _offered(model, missing, by, target, features, least)
    frame, notes = read_as(table, read)
    chosen = _features(frame, by, target, features)
    names, rows = groups_of_rows(frame, by)
    answers, classes = _answers(frame, target, model, names, rows)
    _complete(frame, chosen, names, rows, missing)
    levels = levels_of(frame, chosen, rows, least)
    columns = column_names(chosen, levels, intercept)
    _distinct(columns)
    raw = encoded(merged(frame, levels), chosen, levels, intercept)
    means, scales = _moments(columns, [raw[own] for own in rows], intercept, standardise)
    kept = tuple(frame.iloc[own] for own in rows)
    notes = (*notes, *_notes(levels, least, columns, raw, intercept))
    how = Table(by, target, chosen, levels, columns, means, scales, intercept, standardise, classes, kept, notes)
    shards = [(how.scaled(raw[own]), answers[own]) for own in rows]
    return _posed(how, shards, model, _penalty(model, l2, l1), names, weights)


def _offered(model: str, missing: str, by: Any, target: Any, features: Any, least: Any) -> None:
    for name, value in (("by", by), ("target", target)):
        if not isinstance(value, str):
            raise ProblemError(
                f"{name}={reprlib.repr(value)} is of the kind {type(value).__name__}. Give the name of one column."
            )
    if isinstance(features, str):
        raise ProblemError(f"features={features!r} is one word. Give a list of names: features=[{features!r}].")
    if not whole(least) or least < 1:
        raise ProblemError(f"least={reprlib.repr(least)}: give a whole number of rows, at least 1.")
    if model not in MODELS:
        raise UnknownName("model", model, MODELS)
    if missing not in ("refuse", "mean"):
        raise UnknownName("way to meet missing values", missing, ("refuse", "mean"))


def read_table(table: Any) -> pd.DataFrame:
    """The table as a DataFrame whose columns have names, texts stripped and blanks missing."""
    return read_as(table)[0]


def _known(frame: pd.DataFrame, by: str, target: str, features: Sequence[str] | None) -> None:
    for name in (by, target, *(features or ())):
        if name not in frame.columns:
            raise UnknownName("column", str(name), frame.columns)
    if by == target:
        raise ProblemError(f"Column {by!r} cannot both say whose a row is and be the target. Give two columns.")
    if features is not None and target in features:
        raise ProblemError(
            f"The target {target!r} is among the features, so there is nothing to predict. Leave it out."
        )


def _features(frame: pd.DataFrame, by: str, target: str, features: Sequence[str] | None) -> tuple[str, ...]:
    """The columns to predict from."""
    _known(frame, by, target, features)
    chosen = (
        tuple(features) if features is not None else tuple(name for name in frame.columns if name not in (by, target))
    )
    if features is None and (nameless := [name for name in chosen if not name or name.startswith("Unnamed: ")]):
        raise ProblemError(
            f"A column has no name ({nameless[0]!r}): a row number that was saved along? "
            "Name it, or list the features: features=[...]."
        )
    return chosen


def _distinct(columns: Sequence[str]) -> None:
    if not columns:
        raise ProblemError("There is no column to predict from. Give features, or intercept=True.")
    name, times = Counter(columns).most_common(1)[0]
    if times > 1:
        raise ProblemError(
            f"There would be {times} columns {name!r}. List every feature once, and rename one that is "
            f"called {INTERCEPT!r} like the column of ones."
        )


def _notes(
    levels: Mapping[str, tuple[Any, ...]], least: int, columns: Sequence[str], raw: np.ndarray, intercept: bool
) -> Iterator[str]:
    """Yield what was done that one may not expect, a phrase each."""
    for name, known in levels.items():
        if OTHER in known:
            yield f"texts of {name!r} that fewer than {least} rows of every agent hold are one level, {OTHER!r}"
        if len(known) > MANY:
            yield f"{name!r} is text of {len(known)} levels, a column each"
    spread = np.nanmax(raw, axis=0, initial=-np.inf) - np.nanmin(raw, axis=0, initial=np.inf)
    constant = (spread <= CONSTANT * np.abs(raw).max(axis=0, initial=0)) & ~_ones(columns, intercept)
    if constant.any():
        found = [name for name, same in zip(columns, constant, strict=True) if same]
        yield f"constant and of no effect: {', '.join(found)}"


def _ones(columns: Sequence[str], intercept: bool) -> np.ndarray:
    """Mark the column of ones."""
    return np.arange(len(columns)) == (len(columns) - 1 if intercept else -1)


def groups_of_rows(frame: pd.DataFrame, by: str) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The agents by name, and where their rows are."""
    codes, groups = pd.factorize(frame[by])
    if (nobody := codes < 0).any():
        raise DataError(
            f"Column {by!r} names no agent in {int(nobody.sum())} rows, the first is row "
            f"{int(np.argmax(nobody))}. Say whose they are, or leave them out."
        )
    order = np.argsort(codes, kind="stable")
    return tuple(printable(str(name)) for name in groups), np.split(order, np.cumsum(np.bincount(codes))[:-1])


def _answers(
    frame: Any, target: str, model: str, names: Sequence[str], rows: Sequence[np.ndarray]
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """The target as labels 0, 1, ... and what they stand for; or as numbers, which stand for themselves."""
    column = frame[target]
    _refuse(
        target,
        [int(column.iloc[own].isna().sum()) for own in rows],
        names,
        "missing",
        "Without an answer a row teaches nothing: leave it out, or find the answer.",
    )
    number = bool(pd.api.types.is_numeric_dtype(column))
    if model not in CLASSIFIERS:
        if not number:
            raise ProblemError(
                f"The target {target!r} is {column.iloc[0]!r} and the like, but {model} needs numbers. "
                "Use model='logistic' or 'softmax'."
            )
        return column.to_numpy(dtype=np.float64), ()
    classes = tuple(sorted(column.unique().tolist(), key=None if number else str))
    if len(classes) == 1:
        raise DataError(f"The target {target!r} is {classes[0]!r} in every row, so there is nothing to tell apart.")
    if model != "softmax" and len(classes) > 2:
        raise ProblemError(
            f"The target {target!r} has {len(classes)} values, and {model} tells two apart. "
            "Use model='softmax' for classes, 'least_squares' for numbers."
        )
    if number and len(classes) > 2 and (column % 1 != 0).any():
        raise ProblemError(
            f"The target {target!r} has {len(classes)} values that are not whole numbers, so they are "
            "no classes. Use model='least_squares'."
        )
    return pd.Categorical(column, categories=list(classes)).codes.astype(np.int32), classes


def _complete(
    frame: Any, features: Sequence[str], names: Sequence[str], rows: Sequence[np.ndarray], missing: str
) -> None:
    """Refuse infinity; and what is missing, unless the mean is to stand in and there is one."""
    for name in features:
        column = frame[name]
        empty = column.isna().to_numpy()
        if pd.api.types.is_float_dtype(column):
            infinite = np.isinf(column.to_numpy(dtype=np.float64, na_value=np.nan))
            _refuse(name, [int(infinite[own].sum()) for own in rows], names, "infinite", "Give finite numbers.")
        if empty.all():
            raise DataError(f"Column {name!r} has no value at any agent. Leave it out.")
        if missing == "refuse":
            _refuse(
                name,
                [int(empty[own].sum()) for own in rows],
                names,
                "missing",
                "Fill them, leave the column out, or give missing='mean': the mean over all agents, for which "
                "no row leaves its agent.",
            )


def _refuse(column: str, counts: Sequence[int], names: Sequence[str], what: str, remedy: str) -> None:
    if affected := [(name, count) for name, count in zip(names, counts, strict=True) if count]:
        name, count = affected[0]
        values = "value" if count == 1 else "values"
        more = f"; {sum(counts)} at {len(affected)} agents in all" if len(affected) > 1 else ""
        raise DataError(f"Agent {name!r}: column {column!r} has {count} {what} {values}{more}. {remedy}")


def _moments(
    columns: Sequence[str], parts: Sequence[np.ndarray], intercept: bool, standardise: bool
) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(over="ignore", invalid="ignore"):
        means, scales = moments(parts)
    if not np.isfinite([means, scales]).all():
        j = int(np.argmin(np.isfinite(means + scales)))
        raise DataError(f"Column {columns[j]!r} holds numbers too large to square. Change its unit.")
    return np.where(_ones(columns, intercept), 0.0, means), scales if standardise else np.ones_like(scales)


def _penalty(model: str, l2: float | None, l1: float | None) -> dict[str, float]:
    if model == "lasso":
        if l1 is None or l2 is not None:
            raise ProblemError("lasso has one penalty, l1, and it must be given. Give e.g. l1=0.1, and no l2.")
        return {"l1": l1}
    if l1 is not None:
        raise ProblemError(f"l1 belongs to lasso, and {model} has none. Give l2, or model='lasso'.")
    return {"l2": l2 if l2 is not None else L2 if model in CLASSIFIERS else 0.0}


def _posed(
    how: Table, shards: Sequence[Any], model: str, penalty: Mapping[str, float], names: Sequence[str], weights: Any
) -> Problem:
    """The problem of learning a model from shards that are encoded."""
    more = {"classes": len(how.classes)} if model == "softmax" else {}
    if how.intercept and model in FREE:
        more["intercept"] = True
    made = MODELS[model](shards, **penalty, **more)
    term = L1(penalty["l1"] * ~_ones(how.columns, how.intercept)) if model == "lasso" else None
    return Problem(made.loss, made.shards, weights=weights, regularizer=term, x0=made.x0, names=names, table=how)
