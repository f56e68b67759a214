"""The largest possible distance of an answer from the optimum, proved from its own gradient or from a dual value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.engine.map_agents import map_agents
from accord.engine.planning.constants import curvature
from accord.problems.agent import Agent
from accord.problems.data.shape import Shape
from accord.problems.problem import stacked
from accord.results.facts import Certificate

if TYPE_CHECKING:
    from accord.results.run import Run

LARGE = 1e7  # rows times decisions, above which no gradient is asked for only to prove something


def certificate(run: Run) -> Certificate | None:
    """Bounds on ‖x − x*‖ and F(x) − F*, where they can be proved; else None.

    - One model for all: ‖∇F(x)‖/μ and ‖∇F(x)‖²/(2μ), where the losses state their curvature and μ = Σ p_k μ_k > 0.
    - A shared constraint: F(x) − D(λ), for no plan costs less than the dual value (and x may violate the constraint).

    It asks every agent for a gradient, and so needs the problem in memory, and one of at most 10⁷ rows × decisions.

    >>> import accord
    >>> run = accord.run(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0]), accord.FedSGD())
    >>> found = certificate(run)
    >>> bool(abs(run.x - 3.0) <= found.distance + 1e-12), found.mu
    (True, 2.0)
    """
    problem = run.problem
    if run.facts.pattern == "prices":
        last = run.history.iloc[-1]
        known = math.isfinite(last["gap"])
        return Certificate(math.nan, max(float(last["gap"]), 0.0), math.nan) if known else None
    if problem is None or problem.opaque or problem.stored or problem.regularizer is not None:
        return None
    shape = Shape.of(run.x)
    if problem.sizes.sum() * shape.size > LARGE:
        return None
    if not hasattr(problem.loss, "bounds") or not (mu := float(problem.weights @ curvature(problem).mu)) > 0:
        return None
    with jax.enable_x64(True):
        x = shape.flatten(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), run.x))
        agents = stacked(problem, shape, np.ones(problem.K))
        g = float(jnp.linalg.norm(_gradient(agents, problem.weights, x)))
    return Certificate(g / mu, g**2 / (2 * mu), mu)


@jax.jit
def _gradient(agents: Agent, p: Any, x: Array) -> Array:
    """∇F(x) = Σ p_k ∇f_k(x)."""
    return p @ map_agents(lambda agent, x: agent.grad(x), (agents.axes, None))(agents, x)
