"""Gradient tracking (DIGing)."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # tracker: estimates the average gradient
    g: Array  # own gradient at x


class Message(NamedTuple):
    x: Array
    y: Array


@method
class GradientTracking:
    """x⁺ = W x − a y, y⁺ = W y + ∇f(x⁺) − ∇f(x): the tracker y follows the average gradient, so the optimum is exact.

    Each round mean(y) = mean(∇f_k(x_k)), whatever the network.

    - `step_size`: a < (1+λ_min(W))²/(2L), where agents of equal curvature L lose stability: for f_k = L/2‖x‖² the
      modes (z−λ)² + aL(z−1) = 0 of the eigenvalues λ of W leave the unit circle there. Half of that when not given.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, GradientTracking(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Nedić, Olshevsky, Shi 2017, Achieving geometric convergence for distributed optimization.
    """

    step_size: float | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Nedić, Olshevsky, Shi 2017; Qu, Li 2018"
    rules: ClassVar = {"step_size": Rule("(1+λ_min(W))²/(4L)", lambda c: (1 + c.lambda_min) ** 2 / (4 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        return State(x, y=g, g=g)

    def message(self, state: State) -> Message:
        return Message(state.x, state.y)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = mixed.x - self.step_size * state.y
        g = agent.grad(x)
        return State(x, mixed.y + g - state.g, g)
