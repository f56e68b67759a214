"""Cox's model over agents: Newton's method on sums, with a baseline an agent or one for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from accord.errors import ProblemError, UnknownName
from accord.inference import covariance as cov
from accord.inference import heterogeneity, risk_sets, scoring, survival_rows, wald
from accord.inference.agreement import agreed
from accord.inference.cox_newton import Baseline, ascend, cumulative, meat
from accord.inference.design import Design
from accord.inference.disclosure import Limits
from accord.inference.formula import INTERCEPT, checked, matrix
from accord.inference.sites import sums_over
from accord.inference.sums import Sums

TIES = ("efron", "breslow")


@dataclass(frozen=True, eq=False)
class Cox:
    """A fitted Cox model; attribute names are those of lifelines and statsmodels.

    - `params`, `cov`: log hazard ratios by term and their covariance; `bse`, `zvalues`, `pvalues`, `conf_int()` follow.
    - `log_likelihood`, `log_likelihood_null`: partial. `nobs`, `events`. `ties`, `strata`.
    - `baseline`: of a common baseline, a frame of its cumulative hazard by stratum and time, at the columns' means.
    - `rounds`, `bytes`, `told`, `dropped`: as of a GLM.
    """

    params: pd.Series
    cov: pd.DataFrame
    log_likelihood: float
    log_likelihood_null: float
    nobs: int
    events: int
    ties: str
    strata: tuple[str, ...]
    baseline: pd.DataFrame | None
    agreed: Baseline | None
    sets: risk_sets.RiskSets | None
    sizes: Mapping[str, int]
    dropped: Mapping[str, int]
    covariance: str
    design: Design
    rounds: int
    bytes: int
    told: pd.DataFrame
    sums: Sums

    bse = property(wald.bse)
    zvalues = property(wald.zvalues)
    pvalues = property(wald.pvalues)
    conf_int = wald.conf_int
    table = wald.table
    hazard_ratios = wald.ratios
    test = wald.wald

    @property
    def llf(self) -> float:
        """The partial log-likelihood."""
        return self.log_likelihood

    def log_likelihood_ratio_test(self) -> wald.Test:
        """Test by the likelihood ratio that all coefficients are zero."""
        return wald.likelihood_ratio("all = 0", self.llf, self.log_likelihood_null, len(self.params))

    @cached_property
    def concordance(self) -> float:
        """Harrell's C of pairs within agents, exact: how often who dies first has the higher risk; ties count half."""
        right, tied, all_pairs = self.sums.total("pairs", self.design, self.params.to_numpy())[0]
        return float((right + tied / 2) / all_pairs)

    def concordance_over_agents(self, bins: int = 1000) -> tuple[float, float]:
        """Harrell's C of all pairs, by counts in bins of the linear predictor, and how far it can be off at most.

        It needs the agreed event times of a common baseline. Pairs in one bin count half.
        """
        if self.agreed is None or len(set(self.agreed.strata.tolist())) > 1:
            raise ProblemError(
                "Pairs of two agents are compared at agreed times, which a stratified fit has none of. "
                "Read concordance, or fit with strata=None."
            )
        beta = self.params.to_numpy()
        n, total, square = self.sums.total("score_moments", self.design, beta)[0]
        middle, sd = total / n, float(np.sqrt(max(square / n - (total / n) ** 2, 0)))
        edges = middle + 5 * sd * np.linspace(-1, 1, bins - 1)
        died, left = self.sums.total("score_cells", self.design, beta, edges, self.agreed.at)
        below = np.cumsum(left, 1) - left
        right, same, every = (died * below).sum(), (died * left).sum(), (died.sum(1) * left.sum(1)).sum()
        return float((right + same / 2) / every), float(same / 2 / every)

    def proportional_hazards(self, transform: str = "log") -> pd.DataFrame:
        """Grambsch and Therneau's test, a row a term: do scaled Schoenfeld residuals go with time?

        - `transform`: "log" or "identity" of time; with a common baseline also "rank", of the event among all events.
        """
        known = ("identity", "log", *(("rank",) if self.sets is not None else ()))
        if transform not in known:
            raise UnknownName("transform of time", transform, known)
        beta, V = self.params.to_numpy(), self.cov.to_numpy()
        if self.sets is None or self.agreed is None:
            told = self.sums.total("schoenfeld", self.design, beta)[0][known.index(transform)]
        else:
            told = survival_rows.weighted_residuals(
                self.sets, _transformed(transform, self.agreed.at, self.sets.d), self.ties
            )
        total, square, m, pull = told[0], told[1], told[2], told[3:]
        spread = square - total**2 / m
        statistic = (V @ pull) ** 2 * m / (np.diag(V) * spread)
        columns = {"test_statistic": statistic, "p": stats.chi2.sf(statistic, 1)}
        return pd.DataFrame(columns, index=self.params.index)

    @cached_property
    def _heterogeneity(self) -> heterogeneity.Heterogeneity:
        return heterogeneity.measured(self.sums.names, tuple(self.params.index), self.sums.each("own_cox", self.design))

    def heterogeneity(self) -> heterogeneity.Heterogeneity:
        """Compare agents' own fits with this one: Cochran's Q and I² of each term. Each sends its own estimates."""
        return self._heterogeneity

    def plot(self, path: Any = None, terms: Sequence[str] | None = None) -> Any:
        """Draw a forest: agents' own estimates beside the common one, a panel a term."""
        from accord.inference.figures import forest

        figure = forest(self, terms)
        if path is not None:
            figure.savefig(path)
        return figure

    def summary(self) -> str:
        """The fit in sentences and a table."""
        from accord.inference.summaries import cox_summary

        return cox_summary(self)

    def __str__(self) -> str:
        return self.summary()


def _transformed(transform: str, at: np.ndarray, d: np.ndarray) -> np.ndarray:
    if transform == "rank":
        return np.cumsum(d) - (d - 1) / 2
    return at if transform == "identity" else np.log(at)


def cox(
    table: Any,
    by: str,
    duration: str,
    event: str,
    formula: str,
    *,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    covariance: str = "model",
    runtime: Any = None,
    network: Any = None,
    channel: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> Cox:
    """Fit Cox's proportional hazards to the rows of all agents; the estimates are those of the pooled rows.

    - `table`, `by`, `runtime`, `network`, `limits`: as of `glm`. `duration`, `event`: columns; an event is 1 or 0.
    - `formula`: "age + sex", or the same after a ~. `ties`: "efron" or "breslow".
    - `strata`: columns, each combination with a baseline of its own. With `by` among them nothing but the score and
      the information leaves an agent. Without, one baseline serves all agents: they send the times of their events,
      and sums over who is at risk at the times of all.
    - `covariance`: "model", "HC0" (Lin, Wei 1989) or "cluster", by agent, without a correction for few agents.

    Raises `ProblemError`, `SeparationError`, `DataError`, `DisclosureError` and `UnknownName`.

    >>> frame = pd.DataFrame({"farm": list("AAABBB"), "days": [5, 8, 9, 4, 7, 12], "died": [1, 1, 0, 1, 1, 1],
    ...                       "dose": [3.0, 1, 2, 2, 3, 1]})
    >>> fit = cox(frame, by="farm", duration="days", event="died", formula="dose", strata="farm")
    >>> fit.params.round(4).to_dict(), round(fit.log_likelihood, 4)
    ({'dose': 0.6303}, -3.1302)
    """
    if ties not in TIES:
        raise UnknownName("way to treat ties", ties, TIES)
    if covariance == "HC1":
        raise UnknownName("covariance of Cox's model", covariance, ("model", "HC0", "cluster"))
    sums = sums_over(table, by, runtime=runtime, network=network, channel=channel, limits=limits)
    columns = (strata,) if isinstance(strata, str) else tuple(strata or ())
    roles = [("duration", duration), ("event", event), *((f"strata {name}", name) for name in columns if name != by)]
    text = checked(formula if "~" in formula else f"~ {formula}", response=False)
    found = agreed(sums, Design(text, by, tuple(roles), model=(ties, cov.known(covariance))))
    names = tuple(name for name in matrix(found.design, _empty(found.design))[0] if name != INTERCEPT)
    baseline = None if by in columns else _agree_on_times(sums, found.design)
    at = ascend(sums, found.design, names, baseline)
    inverse = scoring.inverse(at.here.information)
    spread = meat(sums, found.design, at, baseline) if covariance != "model" else inverse
    n = sum(found.sizes.values())
    matrix_of = cov.covariance(covariance, inverse, spread, 1.0, n, len(sums.names), correction=False)
    index = pd.Index(names, name="term")
    return Cox(
        params=pd.Series(at.beta, index, name="coef"),
        cov=pd.DataFrame(matrix_of, index, index),
        log_likelihood=at.here.loglik,
        log_likelihood_null=at.null,
        nobs=n,
        events=at.events,
        ties=ties,
        strata=columns,
        baseline=None if baseline is None or at.sets is None else cumulative(baseline, at.sets, ties),
        agreed=baseline,
        sets=at.sets,
        sizes=found.sizes,
        dropped=found.dropped,
        covariance=covariance,
        design=found.design,
        rounds=sums.rounds,
        bytes=sums.bytes,
        told=sums.account,
        sums=sums,
    )


def _empty(design: Design) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name, _ in design.levels})


def _agree_on_times(sums: Sums, design: Design) -> Baseline:
    """The union of event times, stratum after stratum, and the means of the columns."""
    replies = sums.each("times", design)
    found = sorted({(str(w), float(t)) for reply in replies for w, t in zip(reply[0], reply[1], strict=True)})
    if not found:
        raise ProblemError("No agent has an event, so that there is nothing to compare. Check the event's column.")
    centre = np.sum([reply[2] for reply in replies], 0) / sum(float(reply[3][0]) for reply in replies)
    return Baseline(centre, np.array([word for word, _ in found], str), np.array([time for _, time in found]))
