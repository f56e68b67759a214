"""The scale of the prices on a shared constraint, and of the quantities that are exchanged under it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from accord.problems.coupling import Coupling
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, stacked


def price_and_volume(problem: Problem, coupling: Coupling) -> tuple[float, float]:
    """P and V, in whose units every market is alike; 0 where nothing determines them.

    P is the largest marginal cost |∂f_k/∂x_i| / max_j |A_kji| of a unit of the constraint, at the decisions nearest to
    0 and at finite bounds. V is ‖Σ A_k x_k − b‖ at the decisions nearest to 0, or, where that is nothing, Σ_k ‖A_k x_k‖
    between the bounds.

    >>> import accord
    >>> market = accord.problems.dispatch([0.0, 0.0], [10.0, 30.0], 0, lower=0, upper=80, demand=100)
    >>> price_and_volume(market, market.coupling)
    (30.0, 100.0)
    """
    A, low, high = coupling.dense, coupling.lower, coupling.upper
    nearest = np.clip(np.zeros_like(low), low, high)
    ends = [np.where(np.isfinite(bound), bound, nearest) for bound in (low, high)]
    taken = lambda x: np.einsum("kmd,kd->km", A, x)  # noqa: E731
    missing = np.linalg.norm(taken(nearest).sum(0) - coupling.b)
    width = np.linalg.norm(taken(ends[1] - ends[0]), axis=1).sum()
    each = np.abs(A).max(1)
    slopes = np.abs(_slopes(problem, np.stack([nearest, *ends], 1)))  # (K, points, d)
    dear = np.where(each[:, None] > 0, slopes / np.where(each > 0, each, 1)[:, None], 0)
    dearest = np.max(np.where(np.isfinite(dear), dear, 0))
    return float(dearest), float(missing or width)


def _slopes(problem: Problem, points: np.ndarray) -> np.ndarray:
    """∇f_k at agent k's own points, (K, points, d)."""
    if hasattr(problem.loss, "quadratic"):
        found = []
        for shard, n, own in zip(problem.shards, problem.sizes, points, strict=True):
            H, q = (np.asarray(part, float) for part in problem.loss.quadratic(shard, np.full(n, 1 / n)))
            found.append((own * H if H.ndim == 1 else own @ H) + q)
        return np.stack(found)
    K, d = points.shape[0], points.shape[-1]
    with jax.enable_x64(True):
        agents = stacked(problem, Shape.of(np.zeros(d)), np.ones(K))
        slopes = jax.jit(jax.vmap(lambda agent, own: jax.vmap(agent.grad)(own), (agents.axes, 0)))
        return np.asarray(slopes(agents, jnp.asarray(points)))
