"""The baselines of a run: the centralised answer, and what agents find alone. Never part of a run."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from accord.core.linalg.fista import fista
from accord.problems import Problem
from accord.problems.agent import Agent
from accord.problems.centralised import optimal_value
from accord.problems.data.shape import Shape
from accord.problems.problem import stacked

MOST = 20  # agents whose own models are sought
LARGEST = 20_000  # decisions under a shared constraint that a centralised solver is asked for
STEPS = 20_000  # of the inner solver, far more than a problem of sound condition takes


class CentralisedAnswer(NamedTuple):
    """The centralised answer, from all rows in one place."""

    x: Any
    objective: float  # F there, regulariser included; for prices the cost

    def distance(self, x: Any) -> float:
        """‖x − x*‖ over all the numbers of an answer."""
        pairs = zip(jax.tree.leaves(x), jax.tree.leaves(self.x), strict=True)
        return float(np.sqrt(sum(np.sum((np.asarray(a, float) - np.asarray(b, float)) ** 2) for a, b in pairs)))


class LocalOnly(NamedTuple):
    """The models that agents find on their own rows alone; NaN for an agent that has none."""

    own: np.ndarray  # (K,) f_k at agent k's own model
    everyone: np.ndarray  # (K,) F at agent k's own model


def pooled(problem: Problem) -> CentralisedAnswer:
    """The centralised answer and F there.

    >>> import accord
    >>> pooled(accord.problems.quadratic(H=[1.0, 1.0], c=[0.0, 2.0])).objective
    0.5
    """
    x = problem.solve()
    if problem.coupling is not None:
        return CentralisedAnswer(x, optimal_value(problem))
    extra = 0.0 if problem.regularizer is None else float(problem.regularizer.value(np.asarray(x)))
    with jax.enable_x64(True):
        losses = _losses(problem, Shape.of(x).flatten(x)[None])
    return CentralisedAnswer(x, float(problem.weights @ losses[0]) + extra)


def centralised(problem: Problem) -> CentralisedAnswer | None:
    """`pooled`, where a planner could see all decisions; None where a shared constraint is about too many.

    >>> import accord
    >>> centralised(accord.Coupled(accord.problems.objectives.CostCurve(), [(np.ones((1, 9)),) * 3] * 3000,
    ...                        A=np.ones((3000, 9)), b=np.ones(9))) is None
    True
    """
    large = problem.coupling is not None and problem.coupling.lower.size > LARGEST
    return None if large else pooled(problem)


def local_only(problem: Problem) -> LocalOnly | None:
    """Find the agents' models alone, where the loss is smooth and convex and the agents are few; None elsewhere.

    >>> import accord
    >>> found = local_only(accord.problems.quadratic(H=[1.0, 1.0], c=[0.0, 2.0]))
    >>> found.own.round(6).tolist(), found.everyone.round(6).tolist()
    ([0.0, 0.0], [1.0, 1.0])
    """
    if problem.coupling is not None or problem.K > MOST or not np.isfinite(_largest_curvature(problem)):
        return None
    term = problem.regularizer
    with jax.enable_x64(True):
        start = Shape.of(problem.x0).flatten(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), problem.x0))
        find = partial(fista, x0=start, prox=term and term.prox, max_steps=STEPS)
        agents = _agents(problem)
        models = jax.jit(jax.vmap(lambda agent: find(agent.grad), (agents.axes,)))(agents)
        losses = _losses(problem, models)
        extra = 0.0 if term is None else np.array([float(term.value(x)) for x in models])
    someone = np.where(problem.sizes > 0, 0.0, np.nan)
    return LocalOnly(np.diag(losses) + someone, losses @ problem.weights + extra + someone)


def _largest_curvature(problem: Problem) -> float:
    """L of the loss's own bound; infinite where it has none, so that a gradient method may not be trusted."""
    if not hasattr(problem.loss, "bounds"):
        return np.inf
    return max(problem.loss.bounds(shard).L for shard, n in zip(problem.shards, problem.sizes, strict=True) if n)


def _agents(problem: Problem) -> Agent:
    return stacked(problem, Shape.of(problem.x0), np.ones(problem.K))


def _losses(problem: Problem, models: Any) -> np.ndarray:
    """f_k at each of several flat models: (models, K)."""
    agents = _agents(problem)
    value = jax.vmap(lambda agent, x: agent.value(x), (agents.axes, None))
    return np.asarray(jax.jit(jax.vmap(value, (None, 0)))(agents, models))
