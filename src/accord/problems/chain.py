"""The hard instance: Nesterov's chain, its links split between the two ends of a path: each step costs a crossing."""

from __future__ import annotations

import math

import numpy as np

from accord.errors import ProblemError
from accord.problems.problem import Problem
from accord.problems.ready_made import quadratic


def hard_instance(kappa: float, agents: int = 16, d: int | None = None) -> Problem:
    """A problem on which no method is fast: over `networks.path(agents)` none beats `floor_of_hard_instance`.

    With c = (κ−1)/2, the first quarter of the agents has f = ½‖x‖² + c/2 (xᵀM₁x − 2x₁) and the last quarter
    f = ½‖x‖² + c/2 xᵀM₂x, where M₁ = e₁e₁ᵀ + Σ (e_j−e_{j+1})(e_j−e_{j+1})ᵀ over even j, M₂ the same sum over odd j;
    those between have f = ½‖x‖². One end alone cannot reach the next coordinate: it must hear from the other first.

    - `kappa`: κ > 1, the condition number of the worst agent. `agents`: on the path, at least 4.
    - `d`: decisions; 10√κ rounded up to tens unless given, enough that the end of the chain is not felt.

    >>> problem = hard_instance(100)
    >>> problem.K, problem.x0.shape
    (16, (100,))

    Source: Nesterov 2004, §2.1.4; Scaman, Bach, Bubeck, Lee, Massoulié 2017, Theorem 2.
    """
    if not (1 < kappa < math.inf and agents >= 4 and (d is None or d >= 2)):
        raise ProblemError(
            f"hard_instance({kappa}, agents={agents}, d={d}): give a condition number above 1, at least 4 agents and "
            "at least 2 decisions."
        )
    d = 10 * math.ceil(math.sqrt(kappa)) if d is None else d
    c, quarter, identity = (kappa - 1) / 2, agents // 4, np.eye(d)
    links = identity[:-1] - identity[1:]  # row j−1 is e_j − e_{j+1}
    first = identity[:1].T @ identity[:1] + links[1::2].T @ links[1::2]
    second = links[::2].T @ links[::2]
    H = np.stack([identity] * agents)
    H[:quarter] += c * first
    H[-quarter:] += c * second
    centres = np.zeros((agents, d))
    centres[:quarter] = np.linalg.solve(H[0], c * identity[0])
    return quadratic(H, centres)


def floor_of_hard_instance(kappa: float, tolerance: float = 1e-8, agents: int = 16, d: int | None = None) -> int:
    """Rounds that any method needs for max_k ‖x_k − x*‖² ≤ tolerance ‖x*‖² from 0, be it of gradients, proxes or duals.

    D(k*−1), where the ends are D apart and k* is the least k with Σ_{j>k} x*_j² ≤ tolerance ‖x*‖².

    >>> floor_of_hard_instance(100)
    288
    """
    answer = np.ravel(hard_instance(kappa, agents, d).solve())
    energy = np.cumsum(answer[::-1] ** 2)[::-1]  # entry k: Σ_{j>k} x*_j², coordinates counted from 1
    reached = (
        int(np.argmax(energy <= tolerance * energy[0])) if (energy <= tolerance * energy[0]).any() else len(energy)
    )
    return (agents - 2 * (agents // 4) + 1) * (reached - 1)
