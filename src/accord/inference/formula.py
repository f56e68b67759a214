"""Formulas: a text such as "death ~ age * sex + bs(dose, df=4)" made the same matrix at every agent.

Levels and percentiles are agreed over agents; each then encodes its own rows from them. Knots are those of the agreed
percentiles, and splines go on beyond the outermost, so that no minimum and no maximum is sent. The one file that
imports `formulaic`.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from accord.errors import DataError, MissingExtra, ProblemError, UnknownName
from accord.inference.design import Design, Level, Rows, Site

INTERCEPT = "Intercept"
SPLINES = re.compile(r"\b(bs|cr|cs|cc|poly)\s*\(")
EDGED = re.compile(r"\b(bs|cr|cs)\(((?:(?!extrapolation)[^()]|\([^()]*\))*)\)")
SCALED = re.compile(r"\b(scale|center|standardize)\s*\(")
WORD = re.compile(r"`([^`]+)`|(?<![\w.])([A-Za-z_][\w.]*)")
PERCENTS = tuple(np.linspace(0.01, 0.99, 99).round(2).tolist())


def variables(formula: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns of a table that a formula names, in its order. Raises `UnknownName` for a name that is no column.

    >>> variables("np.log(y) ~ age * C(sex, contr.treatment('age')) + bs(dose, df=3)", ["y", "age", "sex", "dose"])
    ('y', 'age', 'sex', 'dose')
    """
    known, found = set(columns), {}
    text = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: " " * len(quoted[0]), formula)
    for word in WORD.finditer(text):
        name, after = word[1] or word[2], text[word.end() :].lstrip()
        if name in known:
            found[name] = None
        elif not _is_syntax(name, after):
            raise UnknownName("column", name, known, f" of the formula {formula!r}")
    return tuple(found)


def _is_syntax(name: str, after: str) -> bool:
    """Return True where a word is a function, an argument's name or a module, and no column."""
    argument = after.startswith("=") and not after.startswith("==")
    return after.startswith("(") or argument or hasattr(builtins, name) or name.partition(".")[0] in ("np", "contr")


def within(pattern: str, formula: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that stand first within a function whose name matches.

    >>> within("C", "y ~ C(stage) + bs(age, df=4)", ["y", "age", "stage"])
    ('stage',)
    """
    names = {a or b for a, b in re.findall(rf"\b(?:{pattern})\(\s*(?:`([^`]+)`|([A-Za-z_][\w.]*))", formula)}
    return tuple(name for name in columns if name in names)


def needed(design: Design, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns without a missing value in a row that counts: the formula's and those with a role."""
    columns = list(columns)
    for _, name in design.roles:
        if name not in columns:
            raise UnknownName("column", name, columns)
    return tuple(dict.fromkeys([*variables(design.formula, columns), *(name for _, name in design.roles)]))


def is_words(column: pd.Series) -> bool:
    """Return True where a column holds words, and no numbers."""
    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def complete(site: Site, design: Design) -> pd.DataFrame:
    """The rows of a site in which nothing that the design needs is missing."""
    names = needed(design, site.frame.columns)
    return site.frame.loc[site.frame[list(names)].notna().all(axis=1)]


def rows_of(site: Site, design: Design) -> Rows:
    """The rows of a site, encoded as agreed; kept, since a fit asks several times."""
    if design not in site.encoded:
        site.encoded[design] = _encoded(site, design)
    return site.encoded[design]


def _encoded(site: Site, design: Design) -> Rows:
    frame = complete(site, design)
    names, X = matrix(design, frame, site.name)
    roles = {role: frame[column].to_numpy() for role, column in design.roles}
    return Rows(names, X, _response(design, frame, site.name), roles, len(site.frame) - len(frame))


def matrix(design: Design, frame: pd.DataFrame, agent: str = "") -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the columns, and X of the rows of a frame, with the intercepts that the design has."""
    spec = _spec(design, design.terms)
    names = tuple(name.replace(", extrapolation='extend'", "") for name in spec.column_names)
    X = _made(spec, design, frame, agent)
    if design.fixed:
        kept = [j for j, name in enumerate(names) if name != INTERCEPT]
        own = np.array([[one == agent for one in design.fixed]], float).repeat(len(frame), 0)
        names = (*(f"{design.by}[{one}]" for one in design.fixed), *(names[j] for j in kept))
        X = np.concatenate([own, X[:, kept]], 1)
    return names, X


def _response(design: Design, frame: pd.DataFrame, agent: str) -> np.ndarray:
    name = design.response
    if not name:
        return np.zeros(len(frame))
    if design.event is not None:
        return (frame[name].astype(str) == design.event).to_numpy(float)
    if name in frame.columns:
        return _finite(frame[name].to_numpy(float), name, agent)
    return _made(_spec(design, f"0 + {name}"), design, frame, agent)[:, 0]


def _made(spec: Any, design: Design, frame: pd.DataFrame, agent: str) -> np.ndarray:
    if not len(frame):
        return np.zeros((0, len(spec.column_names)))
    if not spec.column_names:
        return np.zeros((len(frame), 0))
    encoded = spec.get_model_matrix(_typed(design, frame), na_action="ignore")
    return _finite(np.asarray(encoded, float), design.formula, agent)


def _finite(values: np.ndarray, what: str, agent: str) -> np.ndarray:
    if bad := int((~np.isfinite(values.reshape(len(values), values[0].size))).any(1).sum()) if len(values) else 0:
        raise DataError(f"Agent {agent!r}: {what!r} is not finite in {bad} rows. Mend them, or leave them out.")
    return values


def _typed(design: Design, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of a formula: words as categories with the agreed levels, numbers in floating point."""
    levels, typed = dict(design.levels), {}
    for name in variables(design.formula, frame.columns):
        column = pd.Series(frame[name])
        if name in levels:
            _refuse_unknown(name, column, levels[name])
        if not is_words(column):
            typed[name] = column.astype(float)
        elif name in levels:
            typed[name] = pd.Categorical(column.astype(str), categories=list(levels[name]))
    return pd.DataFrame(typed, index=frame.index)


def _refuse_unknown(name: str, column: pd.Series, levels: tuple[Level, ...]) -> None:
    """A level outside the agreement would be taken for the reference. Raises `DataError`."""
    values = column.astype(str) if isinstance(levels[0], str) else column.astype(float)
    unknown = values.to_numpy()[~values.isin(list(levels)).to_numpy()]
    if len(unknown):
        known = ", ".join(str(level) for level in levels[:8])
        raise DataError(f"Column {name!r} has {unknown[0]!r}, which no agent had at the fit. It had: {known}.")


@lru_cache(maxsize=64)
def _spec(design: Design, text: str) -> Any:
    """Build formulaic's specification of a formula on a made-up frame of every level and percentile, and of no row."""
    from_formula, errors = _library()
    text = EDGED.sub(lambda found: f"{found[1]}({found[2]}, extrapolation='extend')", text)
    length = max([2, *(len(values) for _, values in (*design.levels, *design.grid))])
    made: dict[str, Any] = {name: np.resize(values, length) for name, values in design.grid}
    for name, values in design.levels:
        words = isinstance(values[0], str)
        cycle = np.resize(np.array(values, object if words else float), length)
        made[name] = pd.Categorical(cycle, categories=list(values)) if words else cycle
    for name in words_of(design.formula):
        made.setdefault(name, np.arange(1.0, length + 1))
    try:
        return from_formula(f"~ {text}", pd.DataFrame(made)).model_spec
    except errors as error:
        raise ProblemError(f"The formula {design.formula!r} cannot be read: {error}. Write it as y ~ a + b.") from error


def words_of(formula: str) -> tuple[str, ...]:
    """The words of a formula that are no function: its numeric columns are among them.

    >>> words_of("y ~ bs(dose, df=4) + np.log(age)")
    ('y', 'dose', 'age')
    """
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "", formula)
    found = [(word[1] or word[2], text[word.end() :].lstrip()) for word in WORD.finditer(text)]
    return tuple(name for name, after in found if not _is_syntax(name, after))


def checked(formula: str, response: bool = True) -> str:
    """A formula whose sides are as they have to be. Raises `ProblemError`."""
    if not isinstance(formula, str) or formula.count("~") != 1 or not formula.partition("~")[2].strip():
        raise ProblemError(f"The formula {formula!r} has to be one text with one ~, such as 'y ~ age + sex'.")
    if bool(formula.partition("~")[0].strip()) != response:
        wanted = "a response before its ~" if response else "nothing before its ~"
        raise ProblemError(f"The formula {formula!r} needs {wanted}.")
    if found := SCALED.search(formula):
        raise ProblemError(
            f"The formula {formula!r} has {found[1]}(): coefficients keep the units of the table. Write, for an age in "
            "tens of years from 60 on, I((age - 60) / 10)."
        )
    return formula


def constraints(text: str, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """R and r of the linear hypothesis R β = r, from a text such as "age = 0, sex = 2 * age": (q, p) and (q,).

    >>> constraints("age = 0", ("Intercept", "age"))
    (array([[0., 1.]]), array([0.]))
    """
    _library()
    from formulaic.utils.constraints import LinearConstraints

    try:
        found = LinearConstraints.from_spec(text, variable_names=list(names))
    except Exception as error:  # formulaic's parser raises what its own operators happen to
        raise ProblemError(
            f"The hypothesis {text!r} cannot be read: {error}. Write it as 'age = 0', of: {', '.join(names)}."
        ) from error
    return np.asarray(found.constraint_matrix, float), np.asarray(found.constraint_values, float)


def _library() -> Any:
    try:
        from formulaic import model_matrix
        from formulaic.errors import FormulaicError
    except ImportError:
        raise MissingExtra("formulaic", "inference", "A formula") from None
    return model_matrix, (FormulaicError, NameError, ValueError, TypeError, KeyError)
