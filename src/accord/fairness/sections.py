"""Chapters of a report: how agents fare, and what fairness costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from accord.fairness.loss_caps import trade_off
from accord.fairness.performance import MANY, Fares, fares
from accord.problems.problem import Problem
from accord.results.reports.context import ReportContext
from accord.results.reports.sections import Chapter, written

if TYPE_CHECKING:
    from accord.results.run import Run

SEARCHED = 1000  # agents whose own optima are sought for a report


def fairness_chapters(
    run: Run, by: str | None = None, caps: bool = False, alone: np.ndarray | None = None
) -> Iterator[Chapter]:
    """Yield how each agent fares; each group of a column `by`, if given; and, with `caps`, what a cap on losses costs.

    `alone`: what agents lose at their own optima, (K,), where this is known already.
    """
    if run.facts.pattern == "prices" or len(run.losses) < 2:
        return
    sought = run.problem is not None and searchable(run.problem)
    found = fares(run, alone=alone if sought and alone is not None else sought)
    yield Chapter("How each agent fares", "\n\n".join(found.sentences()), found.plot(), _table(found))
    if by is not None:
        groups = fares(run, by)
        yield Chapter(f"How groups fare, by {by}", "\n\n".join(groups.sentences()), groups.plot(), _table(groups))
    if caps and run.problem is not None:
        yield _costs(run)


def story_of(run: Run) -> ReportContext:
    """Return what a report of a run adds to it: how each agent fares."""
    return ReportContext(chapters=tuple(map(written, fairness_chapters(run))))


def searchable(problem: Problem) -> bool:
    """Return True where optima alone may be sought: convex, smooth or with a dual, and not too many agents."""
    here = not problem.opaque and not problem.stored and problem.K <= SEARCHED
    return here and problem.coupling is None and problem.regularizer is None and hasattr(problem.loss, "bounds")


def _costs(run: Run) -> Chapter:
    found = trade_off(run.problem)
    weights = np.asarray(run.facts.weights)
    place = float(np.nanmax(run.losses)), float(weights @ np.nan_to_num(run.losses))
    found = dataclasses.replace(found, chosen=place if run.converged else None)
    table = found.table.rename(columns={"objective": "average loss", "largest": "largest loss"})
    table = table.iloc[1:] if len(found.agents) <= 8 else table[["cap", "average loss", "largest loss"]]
    table = table.assign(cap=["none" if np.isnan(cap) else f"{cap:.4g}" for cap in table["cap"]])
    renamed = {name: f"price of {name}" for name in found.agents}
    return Chapter("What fairness costs", "\n\n".join(found.sentences()), found.plot(), table.rename(columns=renamed))


def _table(found: Fares) -> pd.DataFrame:
    """Tabulate all agents, largest loss first; of many the deciles, and the worst off."""
    named = {"gives_up": "gives up", "alone": "loss alone"}
    named |= {name: f"{name} on these rows" for name in ("accuracy", "AUC")}
    table = found.table.sort_values("loss", ascending=False, kind="stable").rename(columns=named)
    table.insert(0, found.table.index.name, table.index)
    if len(table) < MANY:
        return table
    shares = ["least", *(f"{10 * i} %" for i in range(1, 10)), "most"]
    return pd.DataFrame({"share of agents": shares, "lose at most": found.deciles})
