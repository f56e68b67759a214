"""The hard instance: Nesterov's chain, its links split between the two ends of a path: each step costs a crossing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import ProblemError
from accord.problems.objectives import Bounds
from accord.problems.problem import Problem


@dataclass(frozen=True)
class HardInstance:
    """½‖x‖² + a/2 (xᵀM₁x − 2x₁) + b/2 xᵀM₂x for an example (a, b): a chain of springs, every other one in M₁."""

    def __call__(self, x: Array, example: tuple[Array, Array]) -> Array:
        a, b = example
        springs = jnp.square(x[:-1] - x[1:])  # the first is that of x₁ and x₂
        first = x[0] * x[0] - 2 * x[0] + jnp.sum(springs[1::2])
        return 0.5 * (jnp.vdot(x, x) + a * first + b * jnp.sum(springs[::2]))

    def bounds(self, rows: tuple[np.ndarray, np.ndarray]) -> Bounds:
        return Bounds(1 + 2 * float(max(part.max() for part in rows)), 1.0)

    def tilted(self, rows: tuple[Array, Array], weights: Array, u: Array, penalty: Array | float) -> Array:
        a, b = (weights @ part for part in rows)
        links = jnp.where(jnp.arange(u.size, dtype=jnp.int32) % 2 == 0, b, a).at[-1].set(0.0)  # link j: j with j+1
        before = jnp.roll(links, 1)
        diagonal = jnp.sum(weights) + penalty + links + before
        right = u.at[0].add(a)
        return jax.lax.linalg.tridiagonal_solve(-before, diagonal.at[0].add(a), -links, right[:, None])[:, 0]


def hard_instance(kappa: float, agents: int = 16, d: int | None = None) -> Problem:
    """A problem on which no method is fast: over `networks.path(agents)` none beats `floor_of_hard_instance`.

    With c = (κ−1)/2, the first quarter of the agents has f = ½‖x‖² + c/2 (xᵀM₁x − 2x₁) and the last quarter
    f = ½‖x‖² + c/2 xᵀM₂x, where M₁ = e₁e₁ᵀ + Σ (e_j−e_{j+1})(e_j−e_{j+1})ᵀ over even j, M₂ the same sum over odd j;
    those between have f = ½‖x‖². One end alone cannot reach the next coordinate: it must receive from the other first.

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
    c, ends = (kappa - 1) / 2, agents // 4
    left, right = np.arange(agents) < ends, np.arange(agents) >= agents - ends
    shards = [(np.array([c * one]), np.array([c * other])) for one, other in zip(left, right, strict=True)]
    return Problem(HardInstance(), shards, x0=np.zeros(d))


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
