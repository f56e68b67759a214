"""Fits in sentences and a table: what `print(fit)` shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accord.core.formatting import count, number
from accord.inference.design import Design
from accord.inference.wald import text_of
from accord.results.run import data_size


def glm_summary(fit: Any) -> str:
    """A generalised linear model."""
    lines = [
        f"{fit.family} with link {fit.link}, by Fisher scoring: {fit.design.formula}",
        text_of(fit.table()),
        f"log-likelihood {number(fit.llf, 7)} (intercept alone {number(fit.llnull, 7)}), AIC {number(fit.aic, 6)}, "
        f"BIC {number(fit.bic, 6)}, deviance {number(fit.deviance, 6)} on {count(fit.df_resid)} degrees of freedom, "
        f"scale {number(fit.scale)}.",
        f"Standard errors: {fit.covariance}.",
        *([f"alpha = {number(fit.alpha, 6)}."] if fit.alpha is not None else []),
        *rows(fit.sizes, fit.dropped),
        *references(fit.design),
        cost(fit),
    ]
    return "\n".join(lines)


def cox_summary(fit: Any) -> str:
    """A Cox model."""
    ratios = fit.hazard_ratios()["ratio"].rename("hazard ratio")
    whose = f"strata {', '.join(fit.strata)}" if fit.strata else "one baseline"
    lines = [
        f"Cox, ties by {fit.ties.capitalize()}, {whose}: {fit.design.terms}",
        text_of(fit.table().join(ratios)),
        f"{count(fit.events)} events; partial log-likelihood {number(fit.llf, 7)} (of none "
        f"{number(fit.log_likelihood_null, 7)}); {fit.log_likelihood_ratio_test()}.",
        f"Standard errors: {fit.covariance}.",
        *rows(fit.sizes, fit.dropped),
        *references(fit.design),
        cost(fit),
    ]
    return "\n".join(lines)


def rows(sizes: Mapping[str, int], dropped: Mapping[str, int]) -> Iterator[str]:
    """Yield how many rows of how many agents there are, and which were dropped."""
    yield f"{count(sum(sizes.values()))} rows of {count(len(sizes))} agents."
    if dropped:
        most = sorted(dropped.items(), key=lambda item: -item[1])[:5]
        whose = ", ".join(f"{name} {count(n)}" for name, n in most)
        yield f"{count(sum(dropped.values()))} rows with a missing value were dropped: {whose}."


def references(design: Design) -> Iterator[str]:
    """The level to which the others are compared, of each column with categories."""
    named = [f"{name} = {levels[0]}" for name, levels in design.levels if levels]
    if named:
        yield f"Reference: {', '.join(named)}."
    if design.event is not None:
        yield f"The event is {design.response} = {design.event}."


def cost(fit: Any) -> str:
    """Rounds and bytes."""
    return f"{count(fit.rounds)} rounds, {data_size(fit.bytes)} sent."


def mixed_summary(fit: Any) -> str:
    """A linear mixed model."""
    how = "restricted maximum likelihood" if fit.reml else "maximum likelihood"
    share = [f"{100 * fit.icc:.3g} % of the variance lies between agents."] if fit.cov_re.shape == (1, 1) else []
    lines = [
        f"Linear mixed model by {how}: {fit.design.formula}, random {fit.design.model[1]} of {fit.design.by}",
        text_of(fit.table()),
        f"Variances of agents: {', '.join(number(v) for v in fit.cov_re.to_numpy().diagonal())}; of rows "
        f"{number(fit.scale)}; log-likelihood {number(fit.llf, 7)}.",
        *share,
        *rows(fit.sizes, fit.dropped),
        *references(fit.design),
        cost(fit),
    ]
    return "\n".join(lines)
