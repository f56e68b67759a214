"""The floor that FedAvg stands on: the fixed point of its round, found without running it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accord.doctor.interview import Interview
from accord.doctor.krylov import ritz, solve
from accord.doctor.questions import drift, loss, yielding

CORRECTIONS = 12  # rounds of local work after which a prediction counts as not found
PRODUCTS = 100


class Floor(NamedTuple):
    """Where FedAvg comes to rest under a constant step, and how fast."""

    steps: int  # τ, local gradient steps of a round
    step_size: float  # a
    distance: float  # ‖x − x*‖
    above: float  # F(x) − F*
    by_hessians: float  # ‖x − x*‖ by the Hessians at x* alone: exact for quadratics
    contraction: float  # by which a round shortens the distance to the floor, at most
    found: bool  # whether the local work of a round confirms it


def floor(agents: Interview, optimum: np.ndarray, least: float, step_size: float, steps: int) -> Floor:
    """The fixed point of a round of FedAvg with τ full gradient steps of length a: Σ p_k (y_k(x) − x) = 0.

    For quadratics the round is affine, and one linear solve with M = Σ p_k (I − (I − a H_k)^τ) finds it. Else M is
    taken at x*, which foresees it to first order, and what one round of local work still moves corrects it.

    - `optimum`, `least`: x* and F there.
    """
    a, tau = np.float64(step_size), np.int32(steps)

    def M(v: np.ndarray) -> np.ndarray:
        return agents.mean(yielding, optimum, v, a, tau)

    x, moves = optimum, []
    for _ in range(CORRECTIONS):
        x = x + solve(M, agents.mean(drift, x, a, tau), 1e-3 if moves else 1e-14, PRODUCTS)
        moves.append(float(np.linalg.norm(x - optimum)))
        settled = len(moves) > 1 and abs(moves[-1] - moves[-2]) <= 1e-6 * moves[-1]
        if settled or moves[-1] > 1e3 * moves[0] or moves[-1] == 0:
            break
    found = len(moves) == 1 or abs(moves[-1] - moves[-2]) <= 1e-3 * moves[-1]
    slowest = float(ritz(M, np.random.default_rng(0).standard_normal(len(x)), 40).values.min())
    above = float(agents.mean(loss, x)) - least
    return Floor(steps, step_size, moves[-1], above, moves[0], 1 - slowest, found)
