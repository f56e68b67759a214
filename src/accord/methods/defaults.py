"""The choice of hyper-parameters that are left out: by rules, from constants of the problem and of the network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class Constants(NamedTuple):
    """The constants from which step sizes are chosen: of the problem, and of the network where there is one."""

    L: float  # largest smoothness of an agent's f_k, as the method meets it (among peers scaled by K·p_k)
    mu: float  # least strong convexity
    sigma: float = 0.0  # second largest modulus of an eigenvalue of W
    lambda_min: float = 0.0  # least eigenvalue of W
    gamma: float = 1.0  # λ₂ / λ_max of I − W
    L_dual: float = 0.0  # smoothness of the dual of a coupled problem: λ_max(Σ A_k A_kᵀ / μ_k)
    A_max: float = 1.0  # the largest of λ_max(A_k A_kᵀ)
    degree: int = 1  # the most agents that a row of the constraint joins, and the slack of ≤
    L_value: float = 0.0  # the largest of L_k / λ_min(A_k A_kᵀ): of what it costs an agent to contribute y
    price: float = 0.0  # P, the largest marginal cost of a unit of the constraint, at 0 and at bounds
    volume: float = 0.0  # V, by how much the constraint is missed where every decision is as near to 0 as it may be
    bounded: bool = False  # whether any decision has a bound
    L_mean: float = 0.0  # Σ p_k L_k, which bounds the smoothness of F
    mu_mean: float = 0.0  # Σ p_k μ_k, which the strong convexity of F is at least
    L_row: float = 0.0  # largest smoothness of the loss of one row, for methods that need `sample_grad`
    delta: float = 0.0  # √λ_max(Σ p_k (H_k − H)²) at x0, for methods that compare Hessians
    chi: float = 1.0  # 1/(1−σ²) of W, or of the worst W of a cycle
    v_min: float = 1.0  # least push-sum weight that an agent comes to hold; 1 where W is doubly stochastic
    agents: int = 1  # K, as many as may be at work at a time in asynchronous runs

    @property
    def kappa(self) -> float:
        """κ = L/μ, of the worst pair of agents; infinite where one is not strongly convex."""
        return self.L / self.mu if self.mu > 0 else math.inf

    @property
    def climb(self) -> float:
        """P/V, by how much a price has to rise a unit of what is missing; 0 where one of them is not known."""
        return self.price / self.volume if self.volume > 0 else 0.0

    @property
    def penalty(self) -> float:
        """ρ in a market: the geometric mean of the curvatures, in units of the constraint; more where bounds count.

        Where decisions lean on bounds, it is not their cost's curvature that determines how a price answers to what is
        missing, but P/V for all, K P/V for each: 0.3 of that settles dispatches with gaps in their merit order soonest.
        """
        curved = (math.sqrt(self.mu * self.L) or self.L / 10) / self.A_max
        return max(curved, 0.3 * self.agents * self.climb if self.bounded else 0.0) or self.agents * self.climb or 1.0

    @property
    def lambda_max(self) -> float:
        """λ_max of I − W; 1 for an agent alone, who has nothing to average."""
        return 1 - self.lambda_min or 1.0


class Rule(NamedTuple):
    """The rule for a hyper-parameter left None: a formula in words, and the same formula as a function."""

    text: str
    value: Callable[[Constants], float]
