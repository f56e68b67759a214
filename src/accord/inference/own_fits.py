"""Each agent's own fit to its own rows: what heterogeneity is measured by, and what a meta-analysis would average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from accord.errors import ProblemError, SeparationError
from accord.inference import likelihood, scoring, survival_rows
from accord.inference.cox_newton import ascend
from accord.inference.design import Design, Site
from accord.inference.families import FAMILIES
from accord.inference.formula import INTERCEPT, rows_of
from accord.inference.sums import Reply, Sums

USABLE, FEW, SINGULAR, SEPARATED = 0, 1, 2, 3
REASONS: Mapping[int, str] = MappingProxyType(
    {
        USABLE: "",
        FEW: "fewer rows or events than coefficients",
        SINGULAR: "columns that do not vary, or determine one another",
        SEPARATED: "a coefficient is infinite",
    }
)
"""The reasons why an agent's own fit cannot be used."""

_ANSWERS: Mapping[str, Callable[..., Reply]] = MappingProxyType(
    {
        "start": likelihood.start,
        "score": likelihood.score,
        "indicators": likelihood.indicators,
        "stratified": survival_rows.stratified,
    }
)


@dataclass(frozen=True)
class Alone:
    """A population of one, which asks itself."""

    site: Site

    @property
    def names(self) -> tuple[str, ...]:
        """The one agent."""
        return (self.site.name,)

    def ask(self, query: str, design: Design, *sent: np.ndarray) -> Sequence[Reply]:
        """Its answer."""
        return [_ANSWERS[query](self.site, design, *sent)]


def own_glm(site: Site, design: Design) -> Reply:
    """β_k and its standard errors by the agent's own rows, none where there are none; and which it is of `REASONS`."""
    names = rows_of(site, design).names
    none = np.full(len(names), np.nan)
    if scoring.too_few(design, likelihood.start(site, design)[3], len(names)):
        return none, none, np.array(FEW)
    try:
        found = scoring.fit(Sums(Alone(site)), design, names)
    except SeparationError:
        return none, none, np.array(SEPARATED)
    except ProblemError:
        return none, none, np.array(SINGULAR)
    n, p = found.counts[0], len(names)
    phi = found.pearson / (n - p) if FAMILIES[design.model[0]].dispersed else 1.0
    return found.beta, np.sqrt(phi * np.diag(scoring.inverse(found.information))), np.array(USABLE)


def own_cox(site: Site, design: Design) -> Reply:
    """Log hazard ratios and their standard errors by the agent's own rows, as of `own_glm`."""
    names = [name for name in rows_of(site, design).names if name != INTERCEPT]
    none = np.full(len(names), np.nan)
    rows, _ = survival_rows.survival_rows(site, design)
    if len(rows.time) <= len(names) or rows.event.sum() < len(names):
        return none, none, np.array(FEW)
    try:
        found = ascend(Sums(Alone(site)), design, names, None)
    except SeparationError:
        return none, none, np.array(SEPARATED)
    except ProblemError:
        return none, none, np.array(SINGULAR)
    return found.beta, np.sqrt(np.diag(scoring.inverse(found.here.information))), np.array(USABLE)
