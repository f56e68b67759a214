"""The table 1 of a paper over agents, and two-way tables with their tests: from counts and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from accord.errors import DataError, ProblemError
from accord.inference.design import Design
from accord.inference.disclosure import Limits
from accord.inference.quantiles import quantiles
from accord.inference.sites import sums_over
from accord.inference.sums import Sums
from accord.inference.tallies import NUMBERS, SHARES, WORDS

QUARTERS = (0.25, 0.5, 0.75)
EVERY = "all"


@dataclass(frozen=True, eq=False)
class Description:
    """The summary of the columns of a table: by agent, or by group with standardised mean differences.

    - `table`: a row a column or level, indexed by `column` and `level`; `n`, `missing`, `mean`, `sd` and quartiles over
      all rows; of levels and of columns of zeros and ones `count` and `share`.
    - `parts`: by agent or group, `n`, `mean`, `sd`, `count`, `share` of each row: columns are (part, number).
    - `smd`: the standardised mean difference of two groups, (m₁ − m₂)/√((s₁² + s₂²)/2), by row; None without groups.
    """

    table: pd.DataFrame
    parts: pd.DataFrame
    smd: pd.Series | None
    rows: pd.Series
    rounds: int
    bytes: int
    told: pd.DataFrame

    def text(self) -> pd.DataFrame:
        """As a paper prints it: "mean (SD)" of numbers, "count (share %)" of levels, – where a cell is withheld."""
        named = {EVERY: self.table, **{part: self.parts[part] for part in self.rows.index if part != EVERY}}
        columns = {f"{name} (n = {self.rows[name]:g})": _printed(frame) for name, frame in named.items()}
        frame = pd.DataFrame(columns, index=self.table.index)
        frame["missing"] = self.table["missing"].map(lambda v: f"{v:g}")
        return frame if self.smd is None else frame.assign(SMD=self.smd.map(lambda v: f"{v:.3f}"))

    def to_html(self) -> str:
        """The text as a table of HTML."""
        return self.text().to_html()

    def to_latex(self) -> str:
        """The text as a table of LaTeX."""
        frame = self.text().reset_index()
        rows = [frame.columns, *frame.itertuples(index=False)]
        lines = [" & ".join(map(_latex, row)) + r" \\" for row in rows]
        layout = "ll" + "r" * (frame.shape[1] - 2)
        return "\n".join([rf"\begin{{tabular}}{{{layout}}}", lines[0], r"\hline", *lines[1:], r"\end{tabular}"])

    def __str__(self) -> str:
        return self.text().to_string()


def _latex(cell: object) -> str:
    return str(cell).replace("%", r"\%").replace("_", r"\_")


def _printed(frame: pd.DataFrame) -> list[str]:
    cells = []
    for mean, sd, count, share in zip(frame["mean"], frame["sd"], frame["count"], frame["share"], strict=True):
        if np.isfinite(mean) and np.isfinite(sd):
            cells.append(f"{mean:.4g} ({sd:.3g})")
        else:
            cells.append(f"{count:g} ({100 * share:.1f} %)" if np.isfinite(count) else "–")
    return cells


def describe(
    table: Any,
    by: str,
    *,
    columns: Sequence[str] | None = None,
    groups: str | None = None,
    runtime: Any = None,
    network: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> Description:
    """Describe the columns of all agents' rows: the table 1 of a paper.

    - `table`, `by`, `runtime`, `network`, `limits`: as of `glm`. `columns`: those described, all if not given.
    - `groups`: a column, such as the arm of a trial, that makes the parts of the table instead of the agents.

    No minimum and no maximum is sent; quartiles are found by counts at cut points. Raises `DataError`,
    `DisclosureError` and `UnknownName`.

    >>> frame = pd.DataFrame({"farm": list("AABB"), "rain": [1.0, 3, 5, 7], "crop": ["rye", "oats", "rye", None]})
    >>> found = describe(frame, by="farm")
    >>> found.table.loc[("rain", ""), ["n", "mean", "sd"]].round(3).tolist()
    [4.0, 4.0, 2.582]
    >>> found.table.loc[("crop", "rye"), ["count", "missing"]].tolist()
    [2.0, 1.0]
    """
    sums = sums_over(table, by, runtime=runtime, network=network, limits=limits)
    names = tuple(columns or ()) + ((groups,) if groups and columns and groups not in columns else ())
    design, kinds = _agreed(sums, Design("~ 1", by, tuple((f"column {name}", name) for name in names)))
    if groups is not None:
        design = _grouped(design, kinds, groups)
    profiles = sums.each("profile", design)
    counts = sums.each("tallies", design)
    labels = [str(level) for level in dict(design.levels)[groups]] if groups else [EVERY]
    described = [name for name in kinds if name != groups]
    keep = [list(kinds).index(name) for name in described]
    numbers = [name for name in described if kinds[name] == NUMBERS]
    first = _rows(kinds, design, described, keep, *(part.sum(-1, keepdims=True) for part in _all(profiles, counts)))
    frame = first[0].assign(**_quartiles(sums, by, numbers, first[0].index))
    if groups is None:
        parts = {
            name: _rows(kinds, design, described, keep, *(part[..., :1] for part in (*own, *cells)))[0]
            for name, own, cells in zip(sums.names, profiles, counts, strict=True)
        }
        sizes = {name: own[0].sum() for name, own in zip(sums.names, profiles, strict=True)}
    else:
        whole = _rows(kinds, design, described, keep, *_all(profiles, counts))
        parts = dict(zip(labels, whole, strict=True))
        sizes = dict(zip(labels, _all(profiles, counts)[0], strict=True))
    smd = _smd(parts[labels[0]], parts[labels[1]]) if len(labels) == 2 else None
    rows = pd.Series({EVERY: sum(own[0].sum() for own in profiles), **sizes}, name="rows")
    return Description(frame, pd.concat(parts, axis=1), smd, rows, sums.rounds, sums.bytes, sums.account)


def _all(profiles: Sequence[Any], counts: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Σ_k of rows, of profiles and of tallies; what one agent withholds is withheld of the sum."""
    rows = np.sum([own[0] for own in profiles], 0)
    return rows, np.sum([own[1] for own in profiles], 0), np.sum([own[0] for own in counts], 0)


def _agreed(sums: Sums, design: Design) -> tuple[Design, dict[str, int]]:
    """Agree on the kind of every column at all agents, and on the levels of those with words."""
    replies = sums.each("kinds", design)
    names, found, levels = [str(name) for name in replies[0][0]], {}, []
    for j, name in enumerate(names):
        held = {int(reply[1][j]) for reply in replies}
        if WORDS in held and len(held) > 1:
            raise DataError(f"Column {name!r} holds words at one agent and numbers at another. Make them one kind.")
        found[name] = held.pop() if len(held) == 1 else NUMBERS
        if found[name] == WORDS:
            levels.append((name, tuple(sorted({str(w) for reply in replies for w in reply[2 + j]}))))
    roles = tuple((f"column {name}", name) for name in names)
    return replace(design, roles=roles, levels=tuple(levels)), found


def _grouped(design: Design, kinds: Mapping[str, int], groups: str) -> Design:
    if kinds[groups] == NUMBERS:
        raise ProblemError(f"Column {groups!r} holds numbers, and makes no groups. Give one of words, or of 0 and 1.")
    levels = design.levels if kinds[groups] == WORDS else (*design.levels, (groups, ("0", "1")))
    return replace(design, roles=(*design.roles, ("group", groups)), levels=levels)


def _rows(
    kinds: Mapping[str, int],
    design: Design,
    names: Sequence[str],
    keep: Sequence[int],
    rows: np.ndarray,
    told: np.ndarray,
    cells: np.ndarray,
) -> list[pd.DataFrame]:
    """One frame a group from rows (G,), profiles (4, columns, G) and tallies (levels, G)."""
    frames = []
    for g in range(len(rows)):
        lines, place, levels = {}, 0, dict(design.levels)
        for name, j in zip(names, keep, strict=True):
            n, missing, total, square = told[:, j, g]
            mean = total / n if n else np.nan
            sd = np.sqrt(max(square - n * mean**2, 0) / (n - 1)) if n > 1 else np.nan
            if kinds[name] == WORDS:
                for level in levels[name]:
                    count = cells[place, g]
                    lines[name, level] = (n, missing, np.nan, np.nan, count, count / n if n else np.nan)
                    place += 1
            elif kinds[name] == SHARES:
                lines[name, ""] = (n, missing, np.nan, np.nan, total, mean)
            else:
                lines[name, ""] = (n, missing, mean, sd, np.nan, np.nan)
        index = pd.MultiIndex.from_tuples(list(lines), names=["column", "level"])
        header = ["n", "missing", "mean", "sd", "count", "share"]
        frames.append(pd.DataFrame(np.array(list(lines.values())), index, pd.Index(header)))
    return frames


def _quartiles(sums: Sums, by: str, numbers: Sequence[str], index: pd.Index) -> dict[str, Any]:
    found = quantiles(sums, Design("~ 1", by), numbers, QUARTERS) if numbers else {}
    values = np.array([found.get(name, np.full(3, np.nan)) for name, _ in index])
    return {"q1": values[:, 0], "median": values[:, 1], "q3": values[:, 2]}


def _smd(one: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """(m₁ − m₂)/√((s₁² + s₂²)/2); of a share p, s² = p(1 − p)."""
    means = [frame["mean"].fillna(frame["share"]) for frame in (one, other)]
    squares = [(frame["sd"] ** 2).fillna(frame["share"] * (1 - frame["share"])) for frame in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((means[0] - means[1]) / np.sqrt((squares[0] + squares[1]) / 2)).rename("SMD")
