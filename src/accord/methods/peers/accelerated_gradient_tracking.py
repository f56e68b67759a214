"""Accelerated gradient tracking."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.base import Rule, method


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


@method
class AcceleratedGradientTracking:
    """z⁺ = (W(qy+z) − (a/θ)s)/(1+q); x⁺ = θz⁺ + (1−θ)Wx; y⁺ = θz⁺ + (1−θ)x⁺; s⁺ = Ws + ∇f(y⁺) − ∇f(y).

    θ = √(μa)/2 and q = μa/θ: Nesterov's method along a tracked gradient, three vectors a round and no inner loop.

    - `step_size`: a. `mu`: μ, the strong convexity of F.

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
    reference: ClassVar = "Qu, Li 2020; Li, Lin 2024"
    rules: ClassVar = {
        "step_size": Rule("(1−σ)^1.5/(4L)", lambda c: (1 - c.sigma) ** 1.5 / (4 * c.L)),
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
