"""Two-way tables over agents, with Pearson's and Fisher's tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from accord.errors import ProblemError
from accord.inference.agreement import agreed
from accord.inference.design import Design
from accord.inference.disclosure import Limits
from accord.inference.sites import sums_over
from accord.inference.survival_rows import word_of
from accord.inference.wald import Test


@dataclass(frozen=True, eq=False)
class Crosstab:
    """Counts of two columns together over all agents.

    - `table`: a row a level of one, a column a level of the other.
    - `chi2`, `chi2_corrected`: Pearson's test, without and with Yates's correction.
    - `fisher`: Fisher's exact test, of a table of two by two, else None.
    - `odds_ratio`: of a table of two by two, n₁₁n₂₂/(n₁₂n₂₁).
    """

    table: pd.DataFrame
    chi2: Test
    chi2_corrected: Test
    fisher: Test | None
    odds_ratio: float | None
    rounds: int
    bytes: int
    told: pd.DataFrame

    def __str__(self) -> str:
        tests = [self.chi2, *([self.fisher] if self.fisher else [])]
        return "\n".join([self.table.to_string(), *map(str, tests)])


def crosstab(
    table: Any,
    by: str,
    row: str,
    column: str,
    *,
    runtime: Any = None,
    network: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> Crosstab:
    """Count two columns together over all agents, and test whether they go together.

    - `table`, `by`, `runtime`, `network`, `limits`: as of `glm`. `row`, `column`: columns with few levels.

    Raises `ProblemError` where an agent withholds a small cell, so that there is no whole table; and `UnknownName`.

    >>> frame = pd.DataFrame({"farm": list("AABB") * 5, "wet": [0, 1, 0, 1] * 5, "rust": [0, 1, 1, 1] * 5})
    >>> found = crosstab(frame, by="farm", row="wet", column="rust")
    >>> found.table.to_numpy().tolist(), round(found.chi2.pvalue, 4), round(found.fisher.pvalue, 4)
    ([[5.0, 5.0], [0.0, 10.0]], 0.0098, 0.0325)
    """
    sums = sums_over(table, by, runtime=runtime, network=network, limits=limits)
    asked = Design(f"~ C(`{row}`) + C(`{column}`)", by, (("row", row), ("column", column)))
    design = agreed(sums, asked).design
    design = Design("~ 1", by, design.roles, tuple((name, tuple(map(word_of, own))) for name, own in design.levels))
    counts, levels = sums.total("table", design)[0], dict(design.levels)
    if np.isnan(counts).any():
        raise ProblemError(
            f"{int(np.isnan(counts).sum())} cells of {row!r} by {column!r} are withheld by an agent, and no test holds "
            "without them. Merge levels, or ask the agents for a lower limit of a cell."
        )
    frame = pd.DataFrame(counts, pd.Index(levels[row], name=row), pd.Index(levels[column], name=column))
    if min(counts.shape) < 2:
        raise ProblemError(f"{row!r} by {column!r} is {counts.shape[0]} by {counts.shape[1]}, and has no test.")
    none = f"{row} and {column} are independent"
    chi2 = [_pearson(counts, none, corrected) for corrected in (False, True)]
    fisher = ratio = None
    if counts.shape == (2, 2):
        exact: Any = stats.fisher_exact(counts)
        fisher = Test(none, "Fisher", float("nan"), 1, float(exact.pvalue))
        ratio = float(exact.statistic)
    return Crosstab(frame, chi2[0], chi2[1], fisher, ratio, sums.rounds, sums.bytes, sums.account)


def _pearson(counts: np.ndarray, hypothesis: str, corrected: bool) -> Test:
    found: Any = stats.chi2_contingency(counts, correction=corrected)
    kind = "Pearson, corrected" if corrected else "Pearson"
    return Test(hypothesis, kind, float(found.statistic), int(found.dof), float(found.pvalue))
