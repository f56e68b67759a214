"""Estimates with errors: what every fit is read by. Estimates are taken as normal, as statsmodels takes a GLM's.

Functions of anything that has `params`, a Series by term, and `cov`, a DataFrame by term.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from scipy import stats

from accord.inference.formula import constraints


class Estimates(Protocol):
    """A fit: its coefficients and their covariance."""

    @property
    def params(self) -> pd.Series:
        """Coefficients by term."""
        ...

    @property
    def cov(self) -> pd.DataFrame:
        """Their covariance."""
        ...


class Test(NamedTuple):
    """A test of a hypothesis: `statistic`, chi-squared with `df` degrees of freedom where it holds, and `pvalue`."""

    hypothesis: str
    kind: str
    statistic: float
    df: int
    pvalue: float

    def __str__(self) -> str:
        if np.isnan(self.statistic):  # an exact test
            return f"{self.kind}: p = {self.pvalue:.4g} ({self.hypothesis})"
        return f"{self.kind}: χ² = {self.statistic:.4g}, df = {self.df}, p = {self.pvalue:.4g} ({self.hypothesis})"


def bse(fit: Estimates) -> pd.Series:
    """Standard errors by term."""
    return pd.Series(np.sqrt(np.diag(fit.cov)), fit.params.index, name="std err")


def zvalues(fit: Estimates) -> pd.Series:
    """Estimates in standard errors."""
    return (fit.params / bse(fit)).rename("z")


def pvalues(fit: Estimates) -> pd.Series:
    """Return the two-sided p values of each coefficient being zero, by the normal distribution."""
    return pd.Series(2 * stats.norm.sf(np.abs(zvalues(fit))), fit.params.index, name="P>|z|")


def conf_int(fit: Estimates, alpha: float = 0.05) -> pd.DataFrame:
    """Intervals that hold the coefficient with probability 1 − alpha: columns `lower` and `upper`."""
    reach = stats.norm.ppf(1 - alpha / 2) * bse(fit)
    return pd.DataFrame({"lower": fit.params - reach, "upper": fit.params + reach})


def table(fit: Estimates, alpha: float = 0.05) -> pd.DataFrame:
    """Coefficients with errors, z, p values and intervals, a row a term."""
    columns = {"coef": fit.params, "std err": bse(fit), "z": zvalues(fit), "P>|z|": pvalues(fit)}
    return pd.DataFrame(columns).join(conf_int(fit, alpha))


def ratios(fit: Estimates, alpha: float = 0.05) -> pd.DataFrame:
    """exp of coefficients and of their intervals, a row a term but the intercept: odds, rate or hazard ratios."""
    found = pd.DataFrame({"ratio": fit.params}).join(conf_int(fit, alpha)).map(np.exp)
    return found.drop(index="Intercept", errors="ignore").join(pvalues(fit))


def wald(fit: Estimates, hypothesis: str) -> Test:
    """(Rβ − r)ᵀ (R V Rᵀ)⁻¹ (Rβ − r) of a text such as "age = 0, sex = 2 * age"."""
    R, r = constraints(hypothesis, tuple(map(str, fit.params.index)))
    off = R @ fit.params.to_numpy() - r
    statistic = float(off @ np.linalg.solve(R @ fit.cov.to_numpy() @ R.T, off))
    return Test(hypothesis, "Wald", statistic, len(R), float(stats.chi2.sf(statistic, len(R))))


def likelihood_ratio(hypothesis: str, free: float, held: float, df: int) -> Test:
    """2 (ℓ − ℓ₀), ℓ₀ at the maximum under the hypothesis."""
    statistic = 2 * (free - held)
    return Test(hypothesis, "likelihood ratio", statistic, df, float(stats.chi2.sf(max(statistic, 0.0), df)))


def text_of(frame: pd.DataFrame, **options: Any) -> str:
    """A frame for the terminal."""
    return frame.to_string(float_format=lambda value: f"{value:.4f}", **options)
