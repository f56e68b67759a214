"""Partial likelihood from sums over risk sets (Cox 1972): ties by Breslow 1974 or Efron 1977.

At each event time t_j: S0, S1, S2 = Σ e^η (1, x, xxᵀ) over who is at risk, the same D0, D1, D2 over who has an event,
d_j events, and X_j = Σ x of theirs. Of Efron, the l-th of d_j tied events is out of S − (l/d_j) D; of Breslow, of S.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accord.inference.packing import packed, unpacked


class Survival(NamedTuple):
    """Rows of one stratum: `time` (n,), `event` (n,) of zeros and ones, `X` (n, p) about a centre."""

    time: np.ndarray
    event: np.ndarray
    X: np.ndarray


class RiskSets(NamedTuple):
    """Sums at T event times: q = 1 + p + p(p+1)/2 numbers each, S0, S1 and the upper triangle of S2."""

    at_risk: np.ndarray  # (T, q)
    dead: np.ndarray  # (T, q)
    d: np.ndarray  # (T,)
    X: np.ndarray  # (T, p)


def event_times(rows: Survival) -> np.ndarray:
    """The distinct times at which something happens."""
    return np.unique(rows.time[rows.event > 0])


def risk_sets(rows: Survival, beta: np.ndarray, times: np.ndarray) -> RiskSets:
    """The sums of some rows at agreed times, which are sorted and hold all times of their events."""
    T, hazard = len(times), np.exp(rows.X @ beta)
    powers = np.concatenate([np.ones((len(rows.X), 1)), rows.X, packed(rows.X[:, :, None] * rows.X[:, None, :])], 1)
    terms, died = hazard[:, None] * powers, rows.event > 0
    last = np.searchsorted(times, rows.time, side="right") - 1  # the last event time that a row sees
    at_risk, dead = np.zeros((T, terms.shape[1])), np.zeros((T, terms.shape[1]))
    seen = last >= 0
    np.add.at(at_risk, last[seen], terms[seen])
    np.add.at(dead, last[died], terms[died])
    X, d = np.zeros((T, rows.X.shape[1])), np.zeros(T)
    np.add.at(X, last[died], rows.X[died])
    np.add.at(d, last[died], 1.0)
    return RiskSets(np.cumsum(at_risk[::-1], 0)[::-1], dead, d, X)


class Events(NamedTuple):
    """The events: for each its time's number, and what it is compared with."""

    j: np.ndarray  # (m,) which event time
    share: np.ndarray  # (m,) l/d_j of Efron, zeros of Breslow
    c0: np.ndarray  # (m,)
    mean: np.ndarray  # (m, p) c1/c0
    second: np.ndarray  # (m, p, p) c2/c0


def events_of(sets: RiskSets, ties: str) -> Events:
    """Return each event and the risk set that it is out of."""
    p, d = sets.X.shape[1], np.round(sets.d).astype(int)
    j = np.repeat(np.arange(len(d)), d)
    order = np.arange(len(j)) - np.repeat(np.cumsum(d) - d, d)
    share = order / d[j] if ties == "efron" else np.zeros(len(j))
    c = sets.at_risk[j] - share[:, None] * sets.dead[j]
    return Events(j, share, c[:, 0], c[:, 1 : p + 1] / c[:, :1], unpacked(c[:, p + 1 :] / c[:, :1]))


class Partial(NamedTuple):
    """The partial log-likelihood at β, its gradient and the information."""

    loglik: float
    score: np.ndarray
    information: np.ndarray


def partial(sets: RiskSets, beta: np.ndarray, ties: str) -> Partial:
    """ℓ = Σ X_jᵀβ − Σ log c0, U = Σ X_j − Σ c1/c0, I = Σ c2/c0 − (c1/c0)(c1/c0)ᵀ."""
    events = events_of(sets, ties)
    loglik = float((sets.X @ beta).sum() - np.log(events.c0).sum())
    information = events.second.sum(0) - events.mean.T @ events.mean
    return Partial(loglik, sets.X.sum(0) - events.mean.sum(0), information)


class Hazard(NamedTuple):
    """The sums over the events of each time, (T, ...), by which a site judges its own rows."""

    jump: np.ndarray  # (T,) Σ 1/c0, the jumps of the baseline hazard
    pull: np.ndarray  # (T, p) Σ c1/c0²
    tied_jump: np.ndarray  # (T,) the same with 1 − l/d_j, for who dies then
    tied_pull: np.ndarray
    mean: np.ndarray  # (T, p) the mean of c1/c0


def hazard(sets: RiskSets, ties: str) -> Hazard:
    """The jumps of the baseline hazard, and means over risk sets."""
    events, T = events_of(sets, ties), len(sets.d)
    by_time = np.zeros((T, len(events.j)))
    by_time[events.j, np.arange(len(events.j))] = 1
    inverse, left = 1 / events.c0, 1 - events.share
    means = events.mean * inverse[:, None]
    average = by_time @ events.mean / np.maximum(sets.d, 1)[:, None]
    tied = by_time @ (inverse * left), by_time @ (means * left[:, None])
    return Hazard(by_time @ inverse, by_time @ means, *tied, average)


def score_residuals(rows: Survival, beta: np.ndarray, times: np.ndarray, of: Hazard) -> np.ndarray:
    """Return each row's term of the score: δ (x − x̄) − e^η Σ (x − x̄_j) dΛ_j over the times at risk, (n, p)."""
    last = np.searchsorted(times, rows.time, side="right") - 1
    died, own = (rows.event > 0)[:, None], np.maximum(last, 0)
    before = np.where(rows.event > 0, last - 1, last)  # times at which a row is at risk and does not die
    A = np.concatenate([[0.0], np.cumsum(of.jump)])[before + 1]
    B = np.concatenate([np.zeros((1, of.pull.shape[1])), np.cumsum(of.pull, 0)])[before + 1]
    A = A[:, None] + np.where(died, of.tied_jump[own][:, None], 0)
    B = B + np.where(died, of.tied_pull[own], 0)
    return np.where(died, rows.X - of.mean[own], 0) - np.exp(rows.X @ beta)[:, None] * (rows.X * A - B)
