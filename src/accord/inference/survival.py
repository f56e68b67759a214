"""Survival curves over agents, and whether groups differ: counts at agreed times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from accord.errors import ProblemError, UnknownName
from accord.inference.agreement import agreed
from accord.inference.design import Design
from accord.inference.disclosure import Limits
from accord.inference.sites import sums_over
from accord.inference.sums import Sums
from accord.inference.survival_rows import observed_less_expected, word_of
from accord.inference.wald import Test

ALL = "all"


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """Kaplan and Meier's curves, a group each; S(t) = Π_{t_j ≤ t} (1 − d_j/n_j).

    - `table`: a row a group and event time: `group`, `time`, `at_risk`, `observed`, `survival`, `std_err` by
      Greenwood, and 95 % bounds `lower` and `upper` of log(−log S).
    - `rounds`, `bytes`, `told`: what it cost, and what left each agent.
    """

    table: pd.DataFrame
    rounds: int
    bytes: int
    told: pd.DataFrame

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups; "all" where there is one curve."""
        return tuple(map(str, dict.fromkeys(self.table["group"])))

    def _of(self, group: str) -> pd.DataFrame:
        return self.table.loc[self.table["group"] == group]

    def survival_at(self, times: Sequence[float] | float) -> pd.DataFrame:
        """S at some times: a row a time, a column a group."""
        at = np.atleast_1d(np.asarray(times, float))
        columns = {}
        for group in self.groups:
            own = self._of(group)
            steps = np.concatenate([[1.0], own["survival"].to_numpy()])
            columns[group] = steps[np.searchsorted(own["time"].to_numpy(), at, side="right")]
        return pd.DataFrame(columns, index=pd.Index(at, name="time"))

    @property
    def median_survival_time(self) -> pd.Series:
        """The first time at which S is one half or less, by group; infinite where it never is."""
        return pd.Series({group: _first(self._of(group), "survival", 0.5) for group in self.groups}, name="median")

    @property
    def median_interval(self) -> pd.DataFrame:
        """The times at which the 95 % bounds of S cross one half (Brookmeyer, Crowley 1982): a row a group."""
        columns = {b: [_first(self._of(group), b, 0.5) for group in self.groups] for b in ("lower", "upper")}
        return pd.DataFrame(columns, index=pd.Index(self.groups))

    def rmst(self, until: float) -> pd.DataFrame:
        """The mean time lived up to a time, ∫₀^τ S dt, with its standard error: a row a group."""
        rows = {}
        for group in self.groups:
            own = self._of(group).loc[self._of(group)["time"] < until]
            ends = np.concatenate([[0.0], own["time"].to_numpy(), [until]])
            areas = np.concatenate([[1.0], own["survival"].to_numpy()]) * np.diff(ends)
            d, n = own["observed"].to_numpy(), own["at_risk"].to_numpy()
            after = areas.sum() - np.cumsum(areas)[:-1]
            with np.errstate(divide="ignore", invalid="ignore"):
                variance = np.nansum(np.where(n > d, after**2 * d / (n * (n - d)), 0))
            rows[group] = {"rmst": areas.sum(), "std_err": float(np.sqrt(variance))}
        return pd.DataFrame(rows).T

    def plot(self, path: Any = None) -> Any:
        """Draw the curves with their 95 % bounds."""
        from accord.inference.figures import curves

        figure = curves(self)
        if path is not None:
            figure.savefig(path)
        return figure

    def __str__(self) -> str:
        median, bounds = self.median_survival_time, self.median_interval
        lines = []
        for group in self.groups:
            own = self._of(group)
            lines.append(
                f"{group}: {own['observed'].sum():g} events of {own['at_risk'].iloc[0]:g}; median {median[group]:g} "
                f"({bounds.loc[group, 'lower']:g} to {bounds.loc[group, 'upper']:g})."
            )
        return "\n".join(lines)


def _first(own: pd.DataFrame, column: str, level: float) -> float:
    """The first time at which a curve is at most so high."""
    reached = own.loc[own[column] <= level + 1e-12, "time"]
    return float(reached.iloc[0]) if len(reached) else np.inf


def kaplan_meier(
    table: Any,
    by: str,
    duration: str,
    event: str,
    *,
    groups: str | None = None,
    runtime: Any = None,
    network: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> KaplanMeier:
    """Estimate survival over all agents, a curve a group: agents send the times of their events, and counts at all.

    - `table`, `by`, `duration`, `event`, `runtime`, `network`, `limits`: as of `cox`. `groups`: a column.

    Raises `DataError`, `DisclosureError` and `UnknownName`.

    >>> frame = pd.DataFrame({"farm": list("AABB"), "days": [5, 8, 4, 7], "died": [1, 0, 1, 1]})
    >>> kaplan_meier(frame, by="farm", duration="days", event="died").survival_at([4, 6]).round(4)["all"].tolist()
    [0.75, 0.5]
    """
    sums = sums_over(table, by, runtime=runtime, network=network, limits=limits)
    design = _agreed(sums, by, duration, event, groups)
    at, labels = _times(sums, design, groups)
    died, left = sums.total("counts", design, labels, at)
    kept = died > 0
    labels = np.where(labels == "", ALL, labels)
    frame = pd.DataFrame({"group": labels, "time": at, "at_risk": left, "observed": died})[kept]
    curves = [_curve(pd.DataFrame(own)) for _, own in frame.groupby("group", sort=False)]
    return KaplanMeier(pd.concat(curves, ignore_index=True), sums.rounds, sums.bytes, sums.account)


def _curve(own: pd.DataFrame) -> pd.DataFrame:
    d, n = own["observed"].to_numpy(float), own["at_risk"].to_numpy(float)
    survival = np.cumprod(1 - d / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(n > d, d / (n * (n - d)), np.nan))
        reach = stats.norm.ppf(0.975) * np.sqrt(greenwood) / np.log(survival)
        lower, upper = (np.exp(-np.exp(np.log(-np.log(survival)) + sign * reach)) for sign in (-1, 1))
    ends = {"survival": survival, "std_err": survival * np.sqrt(greenwood), "lower": lower, "upper": upper}
    return own.assign(**{name: np.where(survival > 0, values, 0.0) for name, values in ends.items()})


def _agreed(sums: Sums, by: str, duration: str, event: str, groups: str | None) -> Design:
    roles = [("duration", duration), ("event", event), *([("strata group", groups)] if groups else [])]
    formula = f"~ C(`{groups}`)" if groups else "~ 1"
    return agreed(sums, Design(formula, by, tuple(roles), model=("efron", "model"))).design


def _labels(design: Design, groups: str | None) -> list[str]:
    return [word_of(level) for level in dict(design.levels)[groups]] if groups else [""]


def _times(sums: Sums, design: Design, groups: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return all times for all groups, and the group of each."""
    at = np.unique(np.concatenate([reply[1] for reply in sums.each("times", design)]))
    if not len(at):
        raise ProblemError("No agent has an event, so that every curve stays at 1. Check the event's column.")
    labels = _labels(design, groups)
    return np.tile(at, len(labels)), np.repeat(np.array(labels, str), len(at))


def logrank(
    table: Any,
    by: str,
    duration: str,
    event: str,
    *,
    groups: str,
    strata: str | None = None,
    runtime: Any = None,
    network: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> Test:
    """Test whether groups survive alike, by observed less expected events (Mantel 1966): χ² with G − 1 degrees.

    - `groups`: a column. `strata`: None, where agents send the times of their events; or `by`, where each compares its
      own rows, and nothing but sums over them leaves it.

    Raises `ProblemError`, `DataError`, `DisclosureError` and `UnknownName`.

    >>> frame = pd.DataFrame({"farm": list("AABB"), "days": [5, 8, 4, 7], "died": [1, 1, 1, 1], "sex": list("mfmf")})
    >>> round(logrank(frame, by="farm", duration="days", event="died", groups="sex").statistic, 4)
    2.8824
    """
    if strata not in (None, by):
        raise UnknownName("strata of the log-rank test", strata, (by,))
    sums = sums_over(table, by, runtime=runtime, network=network, limits=limits)
    design = _agreed(sums, by, duration, event, groups)
    labels = np.array(_labels(design, groups), str)
    if len(labels) < 2:
        raise ProblemError(f"Column {groups!r} has one group, {labels[0]!r}. Give a column with two or more.")
    if strata == by:
        away, V, _ = sums.total("own_logrank", design, labels)
    else:
        at, which = _times(sums, design, groups)
        died, left = sums.total("counts", design, which, at)
        away, V, _ = observed_less_expected(died.reshape(len(labels), -1), left.reshape(len(labels), -1))
    statistic = float(away @ np.linalg.pinv(V, rcond=1e-12) @ away)
    df = len(labels) - 1
    kind = "log-rank" if strata is None else f"log-rank, stratified by {by}"
    return Test(f"{groups} makes no difference", kind, statistic, df, float(stats.chi2.sf(statistic, df)))
