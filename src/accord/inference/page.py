"""Fits as one page each: the table, a forest, what left each agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from accord.core.formatting import count, number
from accord.inference.cox import Cox
from accord.inference.describe import Description
from accord.inference.glm import GLM
from accord.inference.summaries import references, rows
from accord.inference.wald import ratios
from accord.results.reports.html import page
from accord.results.reports.sections import Chapter, written
from accord.results.run import data_size


def write(found: GLM | Cox | Description, directory: str | Path, title: str = "", about: str = "") -> Path:
    """Write `index.html` about a fit or a description to a directory, made where it is missing; returns its path."""
    chapters = _described(found) if isinstance(found, Description) else _fitted(found)
    kind = {GLM: "Generalised linear model", Cox: "Cox's model", Description: "Description"}[type(found)]
    return page(
        "inference.html",
        directory,
        kind=kind,
        title=title or kind,
        about=about,
        figures=_figures(found),
        sections=[written(chapter) for chapter in chapters],
    )


def _figures(found: GLM | Cox | Description) -> list[tuple[str, str]]:
    sizes = [("rounds", count(found.rounds)), ("sent", data_size(found.bytes))]
    if isinstance(found, Description):
        return [("rows", count(float(found.rows.iloc[0]))), *sizes]
    return [("rows", count(found.nobs)), ("log-likelihood", number(found.llf, 6)), *sizes]


def _fitted(fit: GLM | Cox) -> Iterator[Chapter]:
    said = "\n\n".join([*rows(fit.sizes, fit.dropped), *references(fit.design), f"Standard errors: {fit.covariance}."])
    yield Chapter("What was estimated", said, None, _named(fit.table(), "term"))
    if isinstance(fit, Cox) or fit.link in ("logit", "log"):
        name = "Hazard ratios" if isinstance(fit, Cox) else "Ratios"
        yield Chapter(name, "exp of the coefficients, with 95 % intervals.", None, _named(ratios(fit), "term"))
    spread = fit.heterogeneity()
    unused = "".join(f"\n\n{name}: {why}." for name, why in spread.unused.items())
    text = (
        f"{count(len(spread.own))} of {count(len(fit.sizes))} agents have a fit of their own, in grey. In orange is "
        "the mean of these weighted by their precision, as a meta-analysis has it; in blue the common fit, which "
        f"takes the rows of all agents.{unused}"
    )
    yield Chapter("Agents' own estimates beside the common one", text, fit.plot(), _named(spread.table, "term"))
    if isinstance(fit, Cox):
        text = "Do scaled Schoenfeld residuals go with the logarithm of time? A small p value speaks against the model."
        yield Chapter("Are hazards proportional?", text, None, _named(fit.proportional_hazards(), "term"))
    elif len(fit.params) > 2:
        text = "How much larger the variance of an estimate is than if its column went with no other."
        yield Chapter("Variance inflation", text, None, _named(fit.vif().to_frame(), "term"))
    yield _left(fit.sums.account)


def _described(found: Description) -> Iterator[Chapter]:
    text = "Mean (SD) of numbers, count (share) of levels; – where an agent withholds a small cell."
    yield Chapter("Who is in the data", text, None, found.text().reset_index())
    yield _left(found.told)


def _left(account: pd.DataFrame) -> Chapter:
    told = account.assign(
        bytes=[data_size(size) for size in account["bytes"]],
        summed=["the sum only" if summed else "each agent's own" for summed in account["summed"]],
    )
    told = told.rename(columns={"query": "question", "numbers": "numbers in an answer", "summed": "who asks needs"})
    return Chapter("What left each agent", "No row did. An answer is made of counts and of sums over rows.", None, told)


def _named(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A frame whose index is its first column."""
    return frame.rename_axis(name).reset_index()
