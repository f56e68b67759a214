"""Generalised linear models over agents that keep their rows: Fisher scoring on two sums a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from accord.errors import ProblemError, UnknownName
from accord.inference import covariance as cov
from accord.inference import heterogeneity, scoring, wald
from accord.inference.agreement import Agreed, agreed
from accord.inference.design import Design
from accord.inference.disclosure import Limits
from accord.inference.families import FAMILIES, LINKS, chosen
from accord.inference.formula import checked, constraints, matrix, variables
from accord.inference.packing import unpacked
from accord.inference.sites import sums_over
from accord.inference.sums import Sums


@dataclass(frozen=True, eq=False)
class GLM:
    """A fitted generalised linear model; attribute names are those of statsmodels, and estimates are in original units.

    - `params`, `cov`: coefficients by term, "Intercept" first, and their covariance; `bse`, `zvalues`, `pvalues` and
      `conf_int()` follow from them.
    - `llf`, `llnull`: log-likelihoods here and of an intercept alone; `deviance`, `null_deviance`, `pearson_chi2`,
      `aic`, `bic`. `scale`: φ. `alpha`: of the negative binomial. `nobs`, `df_resid`.
    - `dropped`: by agent, rows in which a value is missing. `rounds`, `bytes`: what the fit cost; `told` is the
      account of what left each agent.
    """

    params: pd.Series
    cov: pd.DataFrame
    llf: float
    llnull: float
    deviance: float
    null_deviance: float
    pearson_chi2: float
    scale: float
    alpha: float | None
    nobs: int
    sizes: Mapping[str, int]
    dropped: Mapping[str, int]
    covariance: str
    design: Design
    rounds: int
    bytes: int
    told: pd.DataFrame
    sums: Sums

    bse = property(wald.bse)
    zvalues = tvalues = property(wald.zvalues)
    pvalues = property(wald.pvalues)
    conf_int = wald.conf_int
    table = wald.table

    @property
    def family(self) -> str:
        """The name of the family."""
        return self.design.model[0]

    @property
    def link(self) -> str:
        """The name of the link."""
        return self.design.model[1]

    @property
    def df_resid(self) -> int:
        """Rows less coefficients."""
        return self.nobs - len(self.params)

    @property
    def aic(self) -> float:
        """−2ℓ + 2p."""
        return -2 * self.llf + 2 * len(self.params)

    @property
    def bic(self) -> float:
        """−2ℓ + p log n."""
        return -2 * self.llf + len(self.params) * float(np.log(self.nobs))

    def odds_ratios(self, alpha: float = 0.05) -> pd.DataFrame:
        """exp(β) with intervals, a row a term but the intercept; of a log link these are ratios of rates or means."""
        if self.link not in ("logit", "log"):
            raise ProblemError(f"exp(β) is no ratio where the link is {self.link!r}. Read params.")
        return wald.ratios(self, alpha)

    def predict(self, frame: pd.DataFrame, offset: Any = 0.0) -> pd.Series:
        """μ of each row of a frame that has the formula's columns; none where one is missing.

        Where agents have intercepts of their own, the frame names the agent of each row.
        """
        design = replace(self.design, formula=f"~ {self.design.terms}", roles=(), fixed=())
        known = frame[list(variables(design.formula, frame.columns))].notna().to_numpy().all(1)
        columns, X = matrix(design, frame.loc[known])
        if self.design.fixed:
            own = np.array([[str(a) == b for b in self.design.fixed] for a in frame.loc[known, self.design.by]], float)
            X = np.concatenate([own, X[:, [j for j, name in enumerate(columns) if name != "Intercept"]]], 1)
        eta = X @ self.params.to_numpy() + np.broadcast_to(np.asarray(offset, float), len(frame))[known]
        means = np.full(len(frame), np.nan)
        means[known] = LINKS[self.link].inverse(eta)
        return pd.Series(means, frame.index, name="mean")

    def test(self, hypothesis: str, kind: str = "wald") -> wald.Test:
        """A test of linear hypotheses such as "age = 0, sex = 2 * age", by Wald or, `kind="lr"`, the likelihood ratio.

        The likelihood ratio fits the model anew under the hypothesis, which agents do not notice.
        """
        if kind == "wald":
            return wald.wald(self, hypothesis)
        if kind != "lr":
            raise UnknownName("test", kind, ("wald", "lr"))
        names = tuple(map(str, self.params.index))
        R, r = constraints(hypothesis, names)
        sums = replace(self.sums, told=[])
        held = scoring.fit(sums, self.design, names, scoring.Subspace.of(R, r))
        llf, _ = _logliks(sums, self.design, held, self.scale)
        free, _ = _logliks(sums, self.design, replace(held, beta=self.params.to_numpy(), loglik=self.llf), self.scale)
        return wald.likelihood_ratio(hypothesis, free, llf, len(R))

    @cached_property
    def _heterogeneity(self) -> heterogeneity.Heterogeneity:
        terms = [str(term) for term in self.params.index]
        design = self.design
        if design.fixed:
            terms = ["Intercept", *terms[len(design.fixed) :]]
            design = replace(design, fixed=())
        return heterogeneity.measured(self.sums.names, tuple(terms), self.sums.each("own_glm", design))

    def heterogeneity(self) -> heterogeneity.Heterogeneity:
        """Compare agents' own fits with this one: Cochran's Q and I² of each term. Each sends its own estimates."""
        return self._heterogeneity

    def vif(self) -> pd.Series:
        """Variance inflation factors: 1/(1 − R²) of each column on the others, which is [(XᵀX)⁻¹]_jj Σ(x_j − x̄_j)²."""
        products, total, n = self.sums.total("gram", self.design)
        ones = scoring.is_intercept(self.design, tuple(map(str, self.params.index)))
        products = unpacked(products)
        spread = np.diag(products) - (total**2 / n if ones.any() else 0)
        factors = np.diag(scoring.inverse(products)) * spread
        return pd.Series(factors, self.params.index, name="VIF").loc[~ones]

    def plot(self, path: Any = None, terms: Sequence[str] | None = None) -> Any:
        """Draw a forest: agents' own estimates beside the common one, a panel a term."""
        from accord.inference.figures import forest

        figure = forest(self, terms)
        if path is not None:
            figure.savefig(path)
        return figure

    def summary(self) -> str:
        """The fit in sentences and a table."""
        from accord.inference.summaries import glm_summary

        return glm_summary(self)

    def __str__(self) -> str:
        return self.summary()


def glm(
    table: Any,
    by: str,
    formula: str,
    family: str = "gaussian",
    *,
    link: str | None = None,
    offset: str | None = None,
    weights: str | None = None,
    site: str | None = None,
    covariance: str = "model",
    correction: bool = True,
    runtime: Any = None,
    network: Any = None,
    channel: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> GLM:
    """Fit a generalised linear model to the rows of all agents; the estimates are those of the pooled rows.

    - `table`: a DataFrame, a path, a list or dict of frames, or a population. `by`: the column that names the agent.
    - `formula`: as of formulaic, "y ~ age * sex + bs(dose, df=4)"; words are categories whose first level, over all
      agents, is the reference. Rows with a missing value are dropped, and counted in `dropped`.
    - `family`: "gaussian", "binomial", "poisson", "gamma", "inverse_gaussian" or "negative_binomial"; `link` by name.
    - `offset`, `weights`: columns; weights are those of a row's variance, φ/w.
    - `site`: "fixed" for an intercept an agent. `covariance`: "model", "HC0", "HC1" or "cluster", by agent, with
      `correction` for few agents.
    - `runtime`: workers that answer for agents. `network`: peers on this graph and no server: sums by Chebyshev gossip.
    - `limits`: what each agent refuses to send.

    Raises `ProblemError`, `SeparationError`, `DataError`, `DisclosureError` and `UnknownName`.

    >>> frame = pd.DataFrame({"farm": list("AABBB"), "rain": [1.0, 3, 5, 7, 4], "crop": [2.0, 3, 6, 7, 5]})
    >>> fit = glm(frame, by="farm", formula="crop ~ rain")
    >>> fit.params.round(4).to_dict(), fit.bse.round(4).to_dict()
    ({'Intercept': 1.0, 'rain': 0.9}, {'Intercept': 0.5774, 'rain': 0.1291})
    """
    names_of_model = chosen(family, link)
    if site not in (None, "fixed"):
        raise UnknownName("way to treat sites", site, ("fixed",))
    sums = sums_over(table, by, runtime=runtime, network=network, channel=channel, limits=limits)
    if covariance == "cluster" and len(sums.names) < 2:
        raise ProblemError("There is one agent, and a covariance clustered by agent needs several. Give 'HC1'.")
    roles = tuple((role, column) for role, column in (("offset", offset), ("weights", weights)) if column is not None)
    design = Design(checked(formula), by, roles, model=(*names_of_model, cov.known(covariance)))
    found = agreed(sums, design)
    design = replace(found.design, fixed=sums.names if site == "fixed" else ())
    names = terms_of(design)
    fitted = scoring.fit(sums, design, names)
    return _results(sums, replace(found, design=design), names, fitted, covariance, correction)


def terms_of(design: Design) -> tuple[str, ...]:
    """The names of the coefficients of a design."""
    return matrix(design, pd.DataFrame({name: [] for name, _ in design.levels}))[0]


def _results(sums: Sums, found: Agreed, names: tuple[str, ...], at: scoring.Fitted, kind: str, correction: bool) -> GLM:
    design = found.design
    n, p = int(at.counts[0]), len(names)
    scale = at.pearson / (n - p) if FAMILIES[design.model[0]].dispersed else 1.0
    bread = scoring.inverse(at.information if kind == "model" else at.observed)
    matrix_of = cov.covariance(kind, bread, at.meat, scale, n, len(sums.names), correction)
    llf, llnull = _logliks(sums, design, at, scale)
    index = pd.Index(names, name="term")
    return GLM(
        params=pd.Series(at.beta, index, name="coef"),
        cov=pd.DataFrame(matrix_of, index, index),
        llf=llf,
        llnull=llnull,
        deviance=float(at.deviance),
        null_deviance=float(at.null_deviance),
        pearson_chi2=float(at.pearson),
        scale=float(scale),
        alpha=at.alpha if design.model[0] == "negative_binomial" else None,
        nobs=n,
        sizes=found.sizes,
        dropped=found.dropped,
        covariance=kind,
        design=design,
        rounds=sums.rounds,
        bytes=sums.bytes,
        told=sums.account,
        sums=sums,
    )


def _logliks(sums: Sums, design: Design, at: scoring.Fitted, scale: float) -> tuple[float, float]:
    """ℓ and ℓ of the intercept alone; φ of a Gaussian is the one of greatest likelihood, as in least squares."""
    if not FAMILIES[design.model[0]].dispersed:
        return float(at.loglik), float(at.null_loglik)
    n = at.counts[0]
    phi = np.array([at.pearson / n, at.null_deviance / n]) if design.model[:2] == ("gaussian", "identity") else scale
    told = sums.total("loglik", design, at.beta, np.array([at.null]), np.broadcast_to(phi, 2).astype(float))[0]
    return float(told[0]), float(told[1])
