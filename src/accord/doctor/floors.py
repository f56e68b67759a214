"""The floor that FedAvg stands on: the fixed point of its round, found without running it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accord.core.linalg.krylov import Operator, ritz, solve
from accord.doctor.rates import until
from accord.problems.population.in_memory import Population
from accord.problems.population.queries import local_update, local_update_jvp, loss

CORRECTIONS = 12  # rounds of local work after which a prediction counts as not found
PRODUCTS = 100  # with M, in one solve
SEEN = 40  # products with which the spectrum of M is looked at


class Floor(NamedTuple):
    """The point where FedAvg comes to rest under a constant step, and how fast it does."""

    steps: int  # τ, local gradient steps of a round
    step_size: float  # a
    x: np.ndarray  # there
    distance: float  # ‖x − x*‖
    above: float  # F(x) − F*
    by_hessians: float  # ‖x − x*‖ by the Hessians at x* alone: exact for quadratics
    rounds: float  # until a hundredth of the way from x0 is left
    found: bool  # whether the local work of a round confirms it


def floor(agents: Population, optimum: np.ndarray, least: float, x0: np.ndarray, step_size: float, steps: int) -> Floor:
    """The fixed point of a round of FedAvg with τ full gradient steps of length a: Σ p_k (y_k(x) − x) = 0.

    For quadratics the round is affine, and one linear solve with M = Σ p_k (I − (I − a H_k)^τ) finds it. Else M is
    taken at x*, which foresees it to first order, and what one round of local work still moves corrects it.

    - `optimum`, `least`: x* and F there. `x0`: where a run would start.
    """
    a, tau = np.float64(step_size), np.int32(steps)
    M = moved(agents, optimum, step_size, steps)
    x, moves = optimum, []
    for _ in range(CORRECTIONS):
        x = x + solve(M, agents.mean(local_update, x, a, tau), 1e-3 if moves else 1e-14, PRODUCTS)
        moves.append(float(np.linalg.norm(x - optimum)))
        settled = len(moves) > 1 and abs(moves[-1] - moves[-2]) <= 1e-6 * moves[-1]
        if settled or moves[-1] > 1e3 * moves[0] or moves[-1] == 0:
            break
    found = len(moves) == 1 or abs(moves[-1] - moves[-2]) <= 1e-3 * moves[-1]
    above = float(agents.mean(loss, x)) - least
    return Floor(steps, step_size, x, moves[-1], above, moves[0], settling(M, x0 - x, 0.01), found)


def moved(agents: Population, optimum: np.ndarray, step_size: float, steps: int) -> Operator:
    """M = Σ p_k (I − (I − a H_k)^τ): how far a round moves the model back, for each bit that it is off."""
    a, tau = np.float64(step_size), np.int32(steps)
    return lambda v: agents.mean(local_update_jvp, optimum, v, a, tau)


def settling(M: Operator, way: np.ndarray, left: float) -> float:
    """Rounds until of a way to the floor only a part is left: ‖(I − M)^t way‖ ≤ left · ‖way‖."""
    if not np.linalg.norm(way) > 0:
        return 0
    seen = ritz(M, way, SEEN)
    return until(seen.shares, 1 - seen.values, left**2)
