"""The answers of one agent about survival: event times, sums over risk sets, pairs; over its own rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from accord.errors import DataError
from accord.inference import risk_sets as risk
from accord.inference.design import Design, Site
from accord.inference.formula import INTERCEPT, rows_of
from accord.inference.packing import packed
from accord.inference.risk_sets import RiskSets, Survival
from accord.inference.sums import Reply


def survival_rows(site: Site, design: Design) -> tuple[Survival, np.ndarray]:
    """The rows of a site without the intercept, and the stratum of each in words. Raises `DataError`."""
    rows = rows_of(site, design)
    kept = [j for j, name in enumerate(rows.names) if name != INTERCEPT]
    time, event = rows.roles["duration"].astype(float), rows.roles["event"].astype(float)
    if bad := int(((event != 0) & (event != 1)).sum()):
        raise DataError(f"Agent {site.name!r}: the event is neither 0 nor 1 in {bad} rows. Code it as 0 or 1.")
    if bad := int((~(time >= 0) | ~np.isfinite(time)).sum()):
        raise DataError(f"Agent {site.name!r}: the duration is below 0 or infinite in {bad} rows. Mend or drop them.")
    parts = [in_words(column) for role, column in rows.roles.items() if role.startswith("strata")]
    words = np.array(["|".join(one) for one in zip(*parts, strict=True)] if parts else [""] * len(time), str)
    return Survival(time, event, rows.X[:, kept]), words


def in_words(column: np.ndarray) -> list[str]:
    """Values as words that are the same at every agent, whether 1 is an integer there or not."""
    return [word_of(value) for value in column.tolist()]


def word_of(value: object) -> str:
    """A value as a word.

    >>> word_of(1), word_of(1.0), word_of("low")
    ('1', '1', 'low')
    """
    return f"{value:.12g}" if isinstance(value, (int, float)) else str(value)


def of_stratum(rows: Survival, which: np.ndarray) -> Survival:
    """Select the rows of a stratum."""
    return Survival(rows.time[which], rows.event[which], rows.X[which])


def own_strata(site: Site, design: Design) -> Iterator[Survival]:
    """The strata of a site whose baseline no other shares, each about its own mean."""
    rows, words = survival_rows(site, design)
    for word in np.unique(words):
        own = of_stratum(rows, words == word)
        if own.event.any():
            yield own._replace(X=own.X - own.X.mean(0))


def times(site: Site, design: Design) -> Reply:
    """The strata and times of events, n, and Σx: what a common baseline has to be agreed on."""
    rows, words = survival_rows(site, design)
    found = [(word, time) for word in np.unique(words) for time in risk.event_times(of_stratum(rows, words == word))]
    strata, at = [word for word, _ in found], [time for _, time in found]
    return np.array(strata, str), np.array(at, float), rows.X.sum(0), np.array([len(rows.time), rows.event.sum()])


def _blocks(
    site: Site, design: Design, centre: np.ndarray, strata: np.ndarray, at: np.ndarray
) -> Iterator[tuple[Survival, np.ndarray]]:
    """The rows of each agreed stratum, and its agreed times."""
    rows, words = survival_rows(site, design)
    for word in dict.fromkeys(strata.tolist()):
        own = of_stratum(rows, words == word)
        yield own._replace(X=own.X - centre), at[strata == word]


def shared(
    site: Site, design: Design, beta: np.ndarray, centre: np.ndarray, strata: np.ndarray, at: np.ndarray
) -> Reply:
    """Sums over risk sets at the agreed times, stratum after stratum."""
    found = [risk.risk_sets(own, beta, t) for own, t in _blocks(site, design, centre, strata, at)]
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def stratified(site: Site, design: Design, beta: np.ndarray) -> Reply:
    """ℓ, U and I of strata that lie within the site, and the number of events."""
    p, ties = len(beta), design.model[0]
    told = [np.zeros(2), np.zeros(p), np.zeros(p * (p + 1) // 2)]
    for own in own_strata(site, design):
        found = risk.partial(risk.risk_sets(own, beta, risk.event_times(own)), beta, ties)
        told[0] += [found.loglik, own.event.sum()]
        told[1] += found.score
        told[2] += packed(found.information)
    return tuple(told)


def _meat(residuals: list[np.ndarray], p: int, covariance: str) -> Reply:
    every = np.concatenate([np.zeros((0, p)), *residuals])
    if covariance == "cluster":
        return (packed(np.outer(every.sum(0), every.sum(0))),)
    return (packed(every.T @ every),)


def stratified_meat(site: Site, design: Design, beta: np.ndarray) -> Reply:
    """Σ r_i r_iᵀ of score residuals, or of the site's sum."""
    found = []
    for own in own_strata(site, design):
        t = risk.event_times(own)
        jumps = risk.hazard(risk.risk_sets(own, beta, t), design.model[0])
        found.append(risk.score_residuals(own, beta, t, jumps))
    return _meat(found, len(beta), design.model[1])


def shared_meat(site: Site, design: Design, beta: np.ndarray, *agreed_and_jumps: np.ndarray) -> Reply:
    """The same against a baseline that sites share: its centre, strata and times, and its jumps."""
    found, (centre, strata, at, *jumps) = [], agreed_and_jumps
    for (own, t), word in zip(_blocks(site, design, centre, strata, at), dict.fromkeys(strata.tolist()), strict=True):
        of = risk.Hazard(*(part[strata == word] for part in jumps))
        found.append(risk.score_residuals(own, beta, t, of))
    return _meat(found, len(beta), design.model[1])


def schoenfeld(site: Site, design: Design, beta: np.ndarray) -> Reply:
    """Σg, Σg², m and Σ g r of Schoenfeld's residuals r, strata within the site: of g = t, then of g = log t."""
    told = np.zeros((2, 3 + len(beta)))
    for own in own_strata(site, design):
        t = risk.event_times(own)
        sets = risk.risk_sets(own, beta, t)
        for k, g in enumerate((t, np.log(np.maximum(t, np.finfo(float).tiny)))):
            told[k] += weighted_residuals(sets, g, design.model[0])
    return (told,)


def weighted_residuals(sets: RiskSets, g: np.ndarray, ties: str) -> np.ndarray:
    """Σg, Σg², m and Σ g r over events: (3 + p,)."""
    residuals = sets.X - sets.d[:, None] * risk.hazard(sets, ties).mean
    return np.array([sets.d @ g, sets.d @ g**2, sets.d.sum(), *(g @ residuals)])


def pairs(site: Site, design: Design, beta: np.ndarray) -> Reply:
    """Pairs within the site of which one is known to live longer: those ranked right, those tied, and all."""
    rows, _ = survival_rows(site, design)
    score, told = rows.X @ beta, np.zeros(3)
    for i in np.flatnonzero(rows.event > 0):
        later = (rows.time > rows.time[i]) | ((rows.time == rows.time[i]) & (rows.event == 0))
        told += [(score[i] > score[later]).sum(), (score[i] == score[later]).sum(), later.sum()]
    return (told,)


def score_moments(site: Site, design: Design, beta: np.ndarray) -> Reply:
    """n, Σ and Σ² of xᵀβ."""
    score = survival_rows(site, design)[0].X @ beta
    return (np.array([len(score), score.sum(), score @ score]),)


def score_cells(site: Site, design: Design, beta: np.ndarray, edges: np.ndarray, at: np.ndarray) -> Reply:
    """Counts by agreed event time and by bin of xᵀβ: who has the event then, and who is known to live longer."""
    rows, _ = survival_rows(site, design)
    bins = np.searchsorted(edges, rows.X @ beta)
    last = np.searchsorted(at, rows.time, side="right") - 1
    died, left = np.zeros((len(at), len(edges) + 1)), np.zeros((len(at), len(edges) + 1))
    event = rows.event > 0
    np.add.at(died, (last[event], bins[event]), 1)
    np.add.at(left, (last[event & (last > 0)] - 1, bins[event & (last > 0)]), 1)
    np.add.at(left, (last[~event & (last >= 0)], bins[~event & (last >= 0)]), 1)
    return died, np.cumsum(left[::-1], 0)[::-1]


def counts(site: Site, design: Design, strata: np.ndarray, at: np.ndarray) -> Reply:
    """d_j and n_j of each agreed stratum at its agreed times: who has the event then, and who is at risk."""
    rows, words = survival_rows(site, design)
    died, left = np.zeros(len(at)), np.zeros(len(at))
    for word in dict.fromkeys(strata.tolist()):
        own, here = of_stratum(rows, words == word), strata == word
        ends, deaths = np.sort(own.time), np.sort(own.time[own.event > 0])
        died[here] = np.searchsorted(deaths, at[here], "right") - np.searchsorted(deaths, at[here], "left")
        left[here] = len(ends) - np.searchsorted(ends, at[here], "left")
    return died, left


def own_logrank(site: Site, design: Design, groups: np.ndarray) -> Reply:
    """Observed less expected events of each group, their covariance, and events: within the site."""
    rows, words = survival_rows(site, design)
    at = np.unique(rows.time[(rows.event > 0) & np.isin(words, groups)])
    strata = np.repeat(groups, len(at))
    died, left = counts(site, design, strata, np.tile(at, len(groups)))
    return observed_less_expected(died.reshape(len(groups), -1), left.reshape(len(groups), -1))


def observed_less_expected(died: np.ndarray, left: np.ndarray) -> Reply:
    """O − E (G,), V (G, G) of the hypergeometric distribution, and O (G,), from (G, T) counts (Mantel 1966)."""
    d, n = died.sum(0), left.sum(0)
    share = left / np.maximum(n, 1)
    factor = d * (n - d) / np.maximum(n - 1, 1)
    V = np.diag(share @ factor) - (share * factor) @ share.T
    return died.sum(1) - share @ d, V, died.sum(1)
