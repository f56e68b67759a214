"""Constants of a problem and a network: L, μ, κ, eigenvalues; what step sizes are chosen from."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.compilation import jit_by_loss
from accord.core.trees import agent_ids
from accord.errors import MethodError
from accord.methods.contracts import Constants
from accord.networks.faults import weighted
from accord.problems.agent import Agent, agent_at
from accord.problems.coupling import Coupling
from accord.problems.data.shape import Shape
from accord.problems.exchange import price_and_volume
from accord.problems.objectives import Bounds
from accord.problems.problem import Problem, stacked

SAMPLE = 32
"""Agents whose curvature stands for that of all where shards are stored elsewhere."""


TOGETHER = 2**22
"""Numbers that agents hold at most whose curvature is measured in one batch: 32 MB, and as much for each derivative."""


class Curvature(NamedTuple):
    """L_k and μ_k of every agent's f_k, and where they come from."""

    L: np.ndarray  # (K,)
    mu: np.ndarray  # (K,)
    source: str


def curvature(problem: Problem, x0: Any = None) -> Curvature:
    """The smoothness L_k and strong convexity μ_k of every agent.

    By the loss's own bound where it has one (least squares, logistic, softmax, quadratics); else L_k is the largest
    eigenvalue of the Hessian at `x0` by 50 power iterations, an estimate, and μ_k is taken as 0.

    >>> import accord
    >>> curvature(accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])).L.tolist()
    [1.0, 10.0]
    """
    if problem.opaque:
        raise MethodError("The agents are opaque, so their curvature cannot be measured. Give the step size yourself.")
    if hasattr(problem.loss, "bounds"):
        nothing = Bounds(0.0, math.inf)
        bounds = [
            problem.loss.bounds(shard) if n else nothing for shard, n in zip(problem.shards, problem.sizes, strict=True)
        ]
        L, mu = (np.array(column, float) for column in zip(*bounds, strict=True))
        return Curvature(
            L, np.where(np.isinf(mu), mu[np.isfinite(mu)].min(), mu), f"the bound of {type(problem.loss).__name__}"
        )
    start = problem.x0 if x0 is None else x0
    shape = Shape.of(start)
    with jax.enable_x64(True):
        x = shape.flatten(jax.tree.map(lambda leaf: jnp.asarray(leaf, problem.dtype), start))
        L = np.asarray(_largest(problem.loss)(stacked(problem, shape, np.ones(problem.K, problem.dtype)), x), float)
    return Curvature(L, np.zeros(problem.K), "power iteration on the Hessian at x0")


@jit_by_loss
def _largest(agents: Agent, x: Array) -> Array:
    """The largest eigenvalue of every agent's Hessian at x, by 50 power iterations: one program for all agents."""
    start = jax.random.normal(jax.random.key(0), x.shape, x.dtype)

    def of(agent: Agent) -> Array:
        product = lambda v: jax.jvp(agent.grad, (x,), (v,))[1]  # noqa: E731
        turn = lambda _, v: unit_vector(product(v))  # noqa: E731
        return jnp.linalg.norm(product(jax.lax.fori_loop(0, 50, turn, start)))

    if agents.rows.blocks is not None:  # which all agents share
        return jax.lax.map(lambda k: of(agent_at(agents, k)), agent_ids(len(agents.scale)))
    size = max(x.size, *(leaf[0].size for leaf in jax.tree.leaves(agents.rows.data)))
    return jax.lax.map(of, replace(agents, share=None), batch_size=max(TOGETHER // size, 1))


def unit_vector(w: Array) -> Array:
    """w/‖w‖; zero where w is, as of an agent without rows."""
    size = jnp.linalg.norm(w)
    return w / jnp.where(size > 0, size, 1)


def constants(problem: Problem, pattern: str, network: Any = None, x0: Any = None) -> tuple[Constants, str]:
    """Return the constants from which a method's rules choose, as that method meets the problem; and their source."""
    L, mu, source = curvature(problem, x0)
    mean = pattern == "peers" and problem.coupling is None
    scale = problem.K * problem.weights if mean else np.ones(problem.K)
    active = problem.weights > 0
    found = Constants(
        float((scale * L)[active].max()),
        float((scale * mu)[active].min()),
        L_mean=float(problem.weights @ L),
        mu_mean=float(problem.weights @ mu),
        agents=problem.K,
    )
    words = f"L = {found.L:.3g} by {source}"
    if network is not None:
        words += f", λ_min(W) = {round(network.lambda_min, 4) + 0.0:.4f} of the {network.name}"
        found = found._replace(
            sigma=network.sigma,
            lambda_min=network.lambda_min,
            gamma=network.gamma,
            chi=_chi(network),
            v_min=_least_push_weight(network),
        )
    if problem.coupling is not None:
        found = _with_coupling(found, problem, problem.coupling, L, mu)
        words += f", L_d = {found.L_dual:.3g}"
    return found, words


def _with_coupling(found: Constants, problem: Problem, coupling: Coupling, L: np.ndarray, mu: np.ndarray) -> Constants:
    A, diagonal = coupling.A, coupling.A.ndim == 2
    joined = int((A if diagonal else A.any(2)).astype(bool).sum(0).max())
    squares = (
        np.column_stack([(A**2).min(1), (A**2).max(1)])
        if diagonal
        else np.array(
            [np.linalg.eigvalsh(a @ a.T)[[0, -1]] for a in A]  # λ_min and λ_max of A_k A_kᵀ
        )
    )
    least = np.where(squares[:, 0] > 1e-12 * squares[:, 1], squares[:, 0], 0)
    price, volume = price_and_volume(problem, coupling)
    with np.errstate(divide="ignore"):
        return found._replace(
            price=price,
            volume=volume,
            bounded=bool(np.isfinite(coupling.lower).any() or np.isfinite(coupling.upper).any()),
            L_dual=_roughness_of_dual(A, mu),
            A_max=float(squares[:, 1].max()),
            degree=joined + (coupling.sense == "<="),
            L_value=float(np.divide(L, least, out=np.zeros_like(least), where=L > 0).max()),
        )


def _chi(network: Any) -> float:
    """1/(1−σ²) of the worst network of a cycle; infinite where one is not connected."""
    worst = max(member.sigma for member in getattr(network, "members", (network,)))
    return 1 / (1 - worst**2) if worst < 1 - 1e-12 else math.inf


def _roughness_of_dual(A: np.ndarray, mu: np.ndarray) -> float:
    """λ_max(Σ A_k A_kᵀ/μ_k), infinite where a cost is not strongly convex."""
    if mu.min() <= 0:
        return math.inf
    if A.ndim == 2:
        return float((A**2 / mu[:, None]).sum(0).max())
    return float(np.linalg.eigvalsh(np.einsum("kij,klj->il", A / mu[:, None, None], A))[-1])


def _least_push_weight(network: Any) -> float:
    """The least v_k of v⁺ = C v from ones, over as many rounds as v needs to settle."""
    cycle = [weighted(member, "column stochastic") for member in getattr(network, "members", (network,))]
    if all(member.doubly_stochastic for member in cycle):
        return 1.0
    v, least = np.ones(network.size), 1.0
    for t in range(100 * network.size):
        before, v = v, cycle[t % len(cycle)].W @ v
        least = min(least, float(v.min()))
        if len(cycle) == 1 and np.abs(v - before).max() < 1e-9:
            break
    return least


def max_row_smoothness(problem: Problem, L: np.ndarray, found: Constants) -> float:
    """Bound the smoothness at one row by the loss's own bound; else by n_k L_k, the most if losses are convex."""
    scale = problem.K * problem.weights
    if not hasattr(problem.loss, "bounds"):
        return float((scale * problem.sizes * L).max())
    own = [scale[k] * max(_of_rows(problem.loss, problem.shards[k])) for k, n in enumerate(problem.sizes) if n]
    return float(max((bound for bound in own if bound > 0), default=found.L))


def _of_rows(loss: Any, shard: Any) -> np.ndarray | list[float]:
    """The smoothness of the loss of every row of a shard: all at once where the loss knows how."""
    if hasattr(loss, "bounds_of_rows"):
        return loss.bounds_of_rows(shard)
    count = len(jax.tree.leaves(shard)[0])
    return [loss.bounds(jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], shard)).L for i in range(count)]
