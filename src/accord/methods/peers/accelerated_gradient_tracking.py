"""Accelerated gradient tracking."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Constants, Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    z: Array  # iterate of the long steps
    y: Array  # where the gradient is taken
    s: Array  # tracker: estimates the average gradient
    g_y: Array  # own gradient at y


class Message(NamedTuple):
    x: Array
    z: Array  # q y + z
    s: Array


def _step(c: Constants) -> float:
    """Choose the step that F asks for where W mixes fast enough, and 4/5 of the limit at most."""
    kappa = c.L / c.mu_mean if c.mu_mean > 0 else 1.0
    wanted = max(1.0, math.sqrt(kappa) / 2) * (1 - c.sigma) ** 1.5 / 4
    return min((1 + c.lambda_min) ** 3 / (2.5 * (2 + c.lambda_min)), wanted) / c.L


@method
class AcceleratedGradientTracking:
    """z⁺ = (W(qy+z) − (a/θ)s)/(1+q); x⁺ = θz⁺ + (1−θ)Wx; y⁺ = θz⁺ + (1−θ)x⁺; s⁺ = Ws + ∇f(y⁺) − ∇f(y).

    θ = √(μa)/2 and q = μa/θ: Nesterov's method along a tracked gradient, three vectors a round and no inner loop.

    - `step_size`: a < (1+λ_min(W))³/(2(2+λ_min(W))L) where agents have equal curvature L and θ is small: the modes
      (z−λ)³ + aL(z−1)(2z−λ) = 0 of the eigenvalues λ of W leave the unit circle there, at z = −1.
    - `mu`: μ, the strong convexity of F.

    A cycle of networks has to be connected in each round: pairs in turn, which are not, make long steps diverge.

    Each round mean(s) = mean(∇f_k(y_k)), whatever the network.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> method, network = AcceleratedGradientTracking(), accord.networks.ring(4)
    >>> run = accord.run(problem, method, network=network, stop=accord.Stop(rounds=800))
    >>> float(run.x.round(6))
    3.2

    Source: Qu, Li 2020, Accelerated distributed Nesterov gradient descent; Li, Lin 2024, Accelerated gradient tracking
    over time-varying graphs.
    """

    step_size: float | None = None
    mu: float | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    always_connected: ClassVar = True
    reference: ClassVar = "Qu, Li 2020; Li, Lin 2024"
    rules: ClassVar = {
        "step_size": Rule("min((1+λ_min)³/(2+λ_min)/2.5, max(1, √κ/2)(1−σ)^1.5/4)/L, κ = L/Σp_kμ_k", _step),
        "mu": Rule("Σp_kμ_k", lambda c: c.mu_mean),
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        return State(x, x, x, g, g)

    def message(self, state: State) -> Message:
        _, q = self._constants()
        return Message(state.x, q * state.y + state.z, state.s)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        theta, q = self._constants()
        z = (mixed.z - self.step_size / theta * state.s) / (1 + q)
        x = theta * z + (1 - theta) * mixed.x
        y = theta * z + (1 - theta) * x
        g = agent.grad(y)
        return State(x, z, y, mixed.s + g - state.g_y, g)

    def _constants(self) -> tuple[Array, Array]:
        theta = jnp.sqrt(self.mu * self.step_size) / 2
        return theta, self.mu * self.step_size / theta
