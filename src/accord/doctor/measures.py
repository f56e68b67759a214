"""The measures of a problem: how curved it is, and how different its agents are at the common optimum."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from accord.core.linalg.krylov import Ritz, ritz
from accord.doctor.optimum import Common, common_optimum
from accord.engine.planning.constants import curvature
from accord.problems.population.in_memory import Population
from accord.problems.population.queries import Own, hvp, hvp_twice, labels, own_optimum, value_and_grad
from accord.problems.problem import Problem

SEEN = 80  # Hessian-vector products with which the spectrum of F is looked at
LEFT = 1e-5  # of the gradient at the common optimum: where an agent's own search leaves more, it did not end


class Measures(NamedTuple):
    """The measures of the agents; arrays have one entry an agent."""

    L: np.ndarray  # smoothness of f_k, everywhere
    mu: np.ndarray  # strong convexity of f_k, everywhere
    source: str  # by what these are known
    common: Common  # where F is least
    seen: Ritz  # of the Hessian of F there, seen from x0
    losses: np.ndarray  # f_k at the common optimum
    gradients: np.ndarray  # ‖∇f_k‖ there
    at_start: np.ndarray  # ‖∇f_k‖ at x0
    own: Own  # optima
    conflict: np.ndarray  # (K, K) cosines of the gradients there
    B: float  # Σ p_k ‖∇f_k‖² there
    delta: float  # √λ_max(Σ p_k (H_k − H)²) there
    labels: np.ndarray | None  # (K, classes) rows of each label

    @property
    def curved(self) -> tuple[float, float]:
        """The least and the largest curvature of F at the optimum."""
        return float(self.seen.values.min()), float(self.seen.values.max())

    @property
    def label_skew(self) -> np.ndarray | None:
        """The distance of an agent's mix of labels from that of all: half the sum of differences, 0 if the same."""
        if self.labels is None:
            return None
        everybody = self.labels.sum(0) / self.labels.sum()
        return 0.5 * np.abs(self.labels / np.maximum(self.labels.sum(1, keepdims=True), 1) - everybody).sum(1)


def measure(problem: Problem, agents: Population, x0: np.ndarray) -> Measures:
    """Measure all of them, by questions to the agents."""
    p = problem.weights
    bounds = curvature(problem, agents.shape.unflatten(x0))
    common = common_optimum(agents, x0, hasattr(problem.loss, "quadratic"))
    losses, g = agents.ask(value_and_grad, common.x)
    start = agents.ask(value_and_grad, x0).grad
    norms = np.linalg.norm(g, axis=1)
    unit = g / np.where(norms > 0, norms, 1)[:, None]
    someone = np.where(problem.sizes > 0, 0.0, np.nan)
    own = agents.ask(own_optimum, common.x)
    ended = own.left <= LEFT * np.maximum(np.maximum(norms, np.linalg.norm(start, axis=1)), 1e-300)
    own = jax.tree.map(lambda leaf: np.where(ended, leaf, np.nan) + someone, own)
    return Measures(
        L=bounds.L + someone,
        mu=bounds.mu + someone,
        source=bounds.source,
        common=common,
        seen=_spectrum(agents, common.x, x0),
        losses=losses + someone,
        gradients=norms + someone,
        at_start=np.linalg.norm(start, axis=1),
        own=own,
        conflict=np.clip(unit @ unit.T, -1, 1),
        B=float(p @ norms**2),
        delta=_similarity(agents, common.x),
        labels=agents.ask(labels) if hasattr(problem.loss, "classes") else None,
    )


def _spectrum(agents: Population, x: np.ndarray, x0: np.ndarray) -> Ritz:
    """Find the spectrum of the Hessian of F at x, seen from the way there; from anywhere if x0 is there already."""
    way = x0 - x
    if not np.linalg.norm(way) > 0:
        way = np.random.default_rng(0).standard_normal(len(x))
    return ritz(lambda v: agents.mean(hvp, x, v), way, SEEN)


def _similarity(agents: Population, x: np.ndarray) -> float:
    """δ = √λ_max(Σ p_k (H_k − H)²) = √λ_max(Σ p_k H_k² − H²): how far Hessians are from their mean."""

    def spread(v: np.ndarray) -> np.ndarray:
        Hv, HHv = agents.mean(hvp_twice, x, v)
        return HHv - agents.mean(hvp, x, Hv)

    found = ritz(spread, np.random.default_rng(0).standard_normal(len(x)), SEEN // 2)
    return float(np.sqrt(max(found.values.max(), 0)))
