"""The heterogeneity of agents: their own fits beside the common one (Cochran 1954; Higgins, Thompson 2002)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from accord.inference.own_fits import REASONS, USABLE
from accord.inference.sums import Reply


@dataclass(frozen=True, eq=False)
class Heterogeneity:
    """Agents' own estimates, and how far apart they are.

    - `table`: a row a term: `Q` = Σ w_k (β_k − β̄)² with w_k = 1/se_k², its `df` and `pvalue`, `I2` = max(0, 1 − df/Q),
      and `meta`, the mean weighted by w_k with its error `meta_se`: the inverse-variance meta-analysis that is often
      reported in place of a common fit.
    - `own`, `own_bse`: a row an agent and a column a term. `unused`: why an agent's own fit cannot be used, by name.
    """

    table: pd.DataFrame
    own: pd.DataFrame
    own_bse: pd.DataFrame
    unused: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{len(self.own)} of {len(self.own) + len(self.unused)} agents have a fit of their own."]
        lines += [f"{name}: {why}." for name, why in self.unused.items()]
        return "\n".join([*lines, self.table.to_string(float_format=lambda v: f"{v:.4f}")])


def measured(names: tuple[str, ...], terms: tuple[str, ...], replies: list[Reply]) -> Heterogeneity:
    """Measure the heterogeneity from each agent's β_k, standard errors and the reason why there are none."""
    usable = [int(reply[2]) == USABLE for reply in replies]
    reasons = dict(zip(names, (REASONS[int(reply[2])] for reply in replies), strict=True))
    unused = {name: why for name, why in reasons.items() if why}
    index = [name for name, good in zip(names, usable, strict=True) if good]
    beta = np.array([reply[0] for reply, good in zip(replies, usable, strict=True) if good]).reshape(-1, len(terms))
    bse = np.array([reply[1] for reply, good in zip(replies, usable, strict=True) if good]).reshape(-1, len(terms))
    with np.errstate(invalid="ignore", divide="ignore"):
        w = bse**-2.0
        meta = (w * beta).sum(0) / w.sum(0)
        Q, df = (w * (beta - meta) ** 2).sum(0), max(len(beta) - 1, 0)
        I2 = np.where(Q > 0, np.maximum(0, 1 - df / Q), 0)
    columns = {"Q": Q, "df": df, "pvalue": stats.chi2.sf(Q, df), "I2": I2, "meta": meta, "meta_se": w.sum(0) ** -0.5}
    frame = pd.DataFrame(columns, index=pd.Index(terms, name="term"))
    agents = pd.Index(index, name="agent")
    own, own_bse = (pd.DataFrame(part, index=agents, columns=pd.Index(terms)) for part in (beta, bse))
    return Heterogeneity(frame, own, own_bse, unused)
