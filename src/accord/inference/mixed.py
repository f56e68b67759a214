"""Linear mixed models whose groups are the agents: exact, from one round of sums of each (Luo et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from accord.errors import ProblemError
from accord.inference import scoring, wald
from accord.inference.agreement import agreed
from accord.inference.design import Design
from accord.inference.disclosure import Limits
from accord.inference.formula import checked, matrix, words_of
from accord.inference.mixed_fit import Products, estimated
from accord.inference.packing import unpacked
from accord.inference.sites import sums_over


@dataclass(frozen=True, eq=False)
class Mixed:
    """A fitted linear mixed model; attribute names are those of statsmodels.

    - `params`, `cov`: fixed effects by term and their covariance; `bse`, `zvalues`, `pvalues`, `conf_int()` follow.
    - `cov_re`: the covariance σ²Ψ of random effects. `scale`: σ². `llf`: the (restricted) log-likelihood.
    - `random_effects`: an agent's own departures, shrunken (BLUP), a row an agent; `random_effects_bse` their errors,
      fixed effects and variances taken as known.
    """

    params: pd.Series
    cov: pd.DataFrame
    cov_re: pd.DataFrame
    scale: float
    llf: float
    random_effects: pd.DataFrame
    random_effects_bse: pd.DataFrame
    reml: bool
    nobs: int
    sizes: Mapping[str, int]
    dropped: Mapping[str, int]
    design: Design
    rounds: int
    bytes: int
    told: pd.DataFrame

    bse = property(wald.bse)
    zvalues = tvalues = property(wald.zvalues)
    pvalues = property(wald.pvalues)
    conf_int = wald.conf_int
    table = wald.table
    test = wald.wald

    @property
    def icc(self) -> float:
        """The share of the variance that lies between agents, of a random intercept alone."""
        if self.cov_re.shape != (1, 1):
            raise ProblemError("With random slopes the share between agents differs from row to row. Read cov_re.")
        between = float(self.cov_re.to_numpy()[0, 0])
        return between / (between + self.scale)

    def summary(self) -> str:
        """The fit in sentences and a table."""
        from accord.inference.summaries import mixed_summary

        return mixed_summary(self)

    def __str__(self) -> str:
        return self.summary()


def mixed(
    table: Any,
    by: str,
    formula: str,
    *,
    random: str = "1",
    reml: bool = True,
    runtime: Any = None,
    network: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> Mixed:
    """Fit a linear mixed model whose groups are the agents: exact, from one round of sums of each.

    - `table`, `by`, `formula`, `runtime`, `network`, `limits`: as of `glm`.
    - `random`: what varies from agent to agent, "1" for an intercept, "1 + dose" for an intercept and a slope.
    - `reml`: restricted maximum likelihood; else maximum likelihood.

    Raises `ProblemError`, `DataError`, `DisclosureError` and `UnknownName`.

    >>> random = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"farm": np.repeat(list("ABCD"), 10), "rain": random.uniform(0, 9, 40)})
    >>> frame["crop"] = 2 + 0.5 * frame["rain"] + np.repeat([-2.0, -1, 1, 2], 10) + 0.1 * random.standard_normal(40)
    >>> fit = mixed(frame, by="farm", formula="crop ~ rain")
    >>> round(fit.icc, 2), fit.random_effects["Intercept"].round(1).tolist()
    (1.0, [-1.9, -1.0, 1.0, 2.0])
    """
    sums = sums_over(table, by, runtime=runtime, network=network, limits=limits)
    text = checked(formula)
    roles = tuple((f"random {name}", name) for name in words_of(f"~ {random}"))
    found = agreed(sums, Design(f"{text} + {random}", by, roles))
    design = replace(found.design, formula=text, model=("mixed", random))
    names, inner = (matrix(replace(design, formula=f"~ {side}"), _empty(design))[0] for side in (design.terms, random))
    if len(sums.names) < 2:
        raise ProblemError("There is one agent, and no variance between agents to estimate. Use glm.")
    if found.design.event is not None:
        raise ProblemError(f"The response {design.response!r} has to be a number in a linear mixed model.")
    replies = sums.each("cross", design)
    whole, n = np.stack([unpacked(reply[0]) for reply in replies]), np.array([reply[1][0] for reply in replies])
    products = Products.of(whole, n, len(inner))
    scoring.refuse_singular(products.AA[:-1, :-1], names)
    at = estimated(products, reml)
    index, terms = (pd.Index(own, name="term") for own in (names, inner))
    agents = pd.Index(sums.names, name="agent")
    return Mixed(
        params=pd.Series(at.beta, index, name="coef"),
        cov=pd.DataFrame(at.cov, index, index),
        cov_re=pd.DataFrame(at.between, terms, terms),
        scale=at.scale,
        llf=at.loglik,
        random_effects=pd.DataFrame(at.effects, agents, terms),
        random_effects_bse=pd.DataFrame(at.errors, agents, terms),
        reml=reml,
        nobs=products.n,
        sizes=found.sizes,
        dropped=found.dropped,
        design=design,
        rounds=sums.rounds,
        bytes=sums.bytes,
        told=sums.account,
    )


def _empty(design: Design) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name, _ in design.levels})
