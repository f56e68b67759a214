"""Newton's method on the partial likelihood: sums over risk sets, by agents whose baseline is their own or shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from accord.errors import ProblemError, SeparationError
from accord.inference import risk_sets, scoring
from accord.inference.design import Design
from accord.inference.packing import unpacked
from accord.inference.sums import Sums

ENOUGH, ROUNDS = 1e-14, 40


class Baseline(NamedTuple):
    """The agreement of agents with a common baseline hazard: the means of the columns, strata and event times."""

    centre: np.ndarray  # (p,)
    strata: np.ndarray  # (T,) words
    at: np.ndarray  # (T,) times


@dataclass(frozen=True)
class Reached:
    """The point where Newton's method ended."""

    beta: np.ndarray
    here: risk_sets.Partial
    null: float
    events: int
    sets: risk_sets.RiskSets | None


def _evaluated(sums: Sums, design: Design, beta: np.ndarray, baseline: Baseline | None) -> Reached:
    if baseline is None:
        told, score, information = sums.total("stratified", design, beta)
        return Reached(beta, risk_sets.Partial(float(told[0]), score, unpacked(information)), 0.0, round(told[1]), None)
    sets = risk_sets.RiskSets(*sums.total("shared", design, beta, *baseline))
    found = [
        risk_sets.partial(risk_sets.RiskSets(*(part[baseline.strata == word] for part in sets)), beta, design.model[0])
        for word in dict.fromkeys(baseline.strata.tolist())
    ]
    here = risk_sets.Partial(
        sum(one.loglik for one in found),
        np.sum([one.score for one in found], 0),
        np.sum([one.information for one in found], 0),
    )
    return Reached(beta, here, 0.0, round(float(sets.d.sum())), sets)


def ascend(sums: Sums, design: Design, names: Sequence[str], baseline: Baseline | None) -> Reached:
    """Newton's method from β = 0."""
    beta = before = np.zeros(len(names))
    null, reached, step, first = 0.0, -np.inf, beta, np.eye(len(names))
    for number in range(ROUNDS):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            at = _evaluated(sums, design, beta, baseline)
        if not number:
            null, first = at.here.loglik, at.here.information
            _refuse_few(at.events, names)
            scoring.refuse_singular(first, names)
        if not at.here.loglik >= reached - 1e-8 * abs(reached):
            beta = (beta + before) / 2
            continue
        step = scoring.solved(at.here.information, at.here.score)
        decrement = float(at.here.score @ step)
        moved = float(step @ first @ step)
        if decrement <= ENOUGH and moved < 1e-6:
            return replace(at, beta=beta + step, null=null)
        if number >= scoring.SUSPICIOUS and decrement < 1e-3 * moved:
            break
        before, beta, reached = beta, beta + step, at.here.loglik
    runaway = names[int(np.argmax(np.abs(step) * np.sqrt(np.diag(first))))]
    raise SeparationError(
        f"The coefficient of {runaway!r} is infinite: it still moves after {sums.rounds} rounds while the likelihood "
        "stands, since events happen on one side of it only. Leave the column out, or merge its levels."
    )


def _refuse_few(events: int, names: Sequence[str]) -> None:
    if events < len(names):
        raise ProblemError(f"There are {len(names)} coefficients and {events} events. Take fewer columns.")


def meat(sums: Sums, design: Design, at: Reached, baseline: Baseline | None) -> np.ndarray:
    """Σ r_i r_iᵀ of score residuals, or Σ_k of agents' sums: (p, p)."""
    if baseline is None or at.sets is None:
        return unpacked(sums.total("stratified_meat", design, at.beta)[0])
    jumps = _jumps(baseline, at.sets, design.model[0])
    return unpacked(sums.total("shared_meat", design, at.beta, *baseline, *jumps)[0])


def _jumps(baseline: Baseline, sets: risk_sets.RiskSets, ties: str) -> risk_sets.Hazard:
    words = dict.fromkeys(baseline.strata.tolist())
    blocks = (risk_sets.RiskSets(*(part[baseline.strata == word] for part in sets)) for word in words)
    found = [risk_sets.hazard(block, ties) for block in blocks]
    return risk_sets.Hazard(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def cumulative(baseline: Baseline, sets: risk_sets.RiskSets, ties: str) -> pd.DataFrame:
    """The cumulative baseline hazard, a row an event time, at the columns' means."""
    frame = pd.DataFrame({"stratum": baseline.strata, "time": baseline.at, "jump": _jumps(baseline, sets, ties).jump})
    return frame.assign(cumulative_hazard=frame.groupby("stratum")["jump"].cumsum()).drop(columns="jump")
