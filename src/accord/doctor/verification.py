"""Short runs beside the predictions: where FedAvg came to rest, and how many rounds the others took."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.core.linalg.krylov import Ritz
from accord.core.stopping import Stop
from accord.doctor.floors import Floor, moved, settling
from accord.doctor.rates import longest_step
from accord.methods import FedAvg, GradientDescent
from accord.problems.population.in_memory import Population
from accord.problems.population.queries import value_and_grad
from accord.problems.problem import Problem
from accord.run import run

MOST = 6000  # gradients an agent of a check
ROUGHLY = 0.05  # of the way to the floor, which is left where a run to its end would be too long
STALE = 90  # rounds of a check of a delay


class FixedPoint(NamedTuple):
    """The point at which a run of FedAvg ended."""

    distance: float  # ‖x − x*‖
    above: float  # F(x) − F*


def run_to_fixed_point(
    problem: Problem, agents: Population, optimum: np.ndarray, least: float, floor: Floor, left: float
) -> FixedPoint:
    """A run of FedAvg that begins at the optimum, and leaves it for its floor.

    - `left`: of the way to the floor, what the rounds of the run should leave. NaN where they would be too many.
    """
    M = moved(agents, optimum, floor.step_size, floor.steps)
    rounds = 1 + settling(M, floor.x - optimum, left)
    if rounds * floor.steps > MOST:
        rounds = 1 + settling(M, floor.x - optimum, ROUGHLY)
    if rounds * floor.steps > MOST:
        return FixedPoint(math.nan, math.nan)
    method = FedAvg(GradientDescent(floor.steps, floor.step_size))
    stop = Stop(rounds=int(rounds), progress=0)
    ended = run(problem, method, agents.shape.unflatten(optimum), stop=stop, record=int(rounds))
    x = np.asarray(agents.shape.flatten(jax.tree.map(np.asarray, ended.x)), float)
    return FixedPoint(float(np.linalg.norm(x - optimum)), float(ended.history["objective"].iloc[-1]) - least)


def taken(problem: Problem, method: Any, x0: Any, network: Any, least: float, share: float, foreseen: float) -> float:
    """The rounds of a run until F − F* had fallen to a share; infinite where three times the foreseen were too few."""
    if math.isnan(foreseen) or foreseen > MOST:
        return math.nan
    for limit in (foreseen / 4, 1.25 * foreseen, 3 * foreseen + 100):  # what is foreseen may be a bound
        stop = Stop(rounds=math.ceil(limit), progress=0)
        history = run(problem, method, x0, network=network, stop=stop, record=1).history
        gap = history["objective"].to_numpy() - least
        if len(there := np.flatnonzero(gap <= share * gap[0])):
            return float(history["round"].iloc[there[0]])
    return math.inf


def is_unstable(agents: Population, optimum: np.ndarray, delay: int, part: float, seen: Ritz) -> bool:
    """Return True where x⁺ = x − a ∇F(x_{t−d}), begun beside the optimum, diverges; a a part of the longest step."""
    steep = float(seen.values.max())
    step = part * longest_step(delay, steep)
    between = (
        float(np.linalg.norm(agents.ask(value_and_grad, optimum).grad, axis=1).max()) / steep
    )  # how far agents want to go
    aside = 1e-3 * (max(float(np.linalg.norm(optimum)), between) or 1.0) * seen.steepest
    path = [optimum + aside] * (delay + 1)
    for _ in range(STALE):
        path.append(path[-1] - step * agents.mean(value_and_grad, path[-1 - delay]).grad)
    apart = np.linalg.norm(np.array(path) - optimum, axis=1)
    window = STALE // 3
    before = min(apart[window : 2 * window].max(), 10 * apart[0])
    return bool(apart[-window:].max() > max(before, 1e-6 * apart[0]))  # less is rounding
