"""ATG: gradient tracking whose averages ADMM finds."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # ADMM's estimate of the average iterate
    s: Array  # and of the average gradient
    p: Array  # dual variable of agreeing on y
    q: Array  # and on s


class Message(NamedTuple):
    y: Array
    s: Array


@method
class ATG:
    """x⁺ = x + γ (y − x) − γ δ s, where (y, s) follow the averages of (x, ∇f(x)) by a step of consensus ADMM a round.

    (y⁺, s⁺) = ((x⁺, ∇f(x⁺)) + (p, q) + ρ W (y, s))/(1 + ρ) and (p, q)⁺ = (p, q) + (ρ/2)(W − I)(y, s): what its z_kj
    come to in sum with α = 1/2. Each round Σ p_k = Σ q_k = 0.

    - `step_size`: δ. `relaxation`: γ. `penalty`: ρ.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, ATG(), network=accord.networks.ring(4), stop=accord.Stop(rounds=900))
    >>> float(answer.x.round(6))
    3.2

    Source: Carnevale, Bastianello, Notarstefano, Carli 2023, ADMM-tracking gradient for distributed optimization.
    """

    step_size: float | None = None
    relaxation: float = 0.5
    penalty: float = 1.0

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Carnevale, Bastianello, Notarstefano, Carli 2023"
    rules: ClassVar = {"step_size": Rule("1/(4L)", lambda c: 1 / (4 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, x, agent.grad(x), jnp.zeros_like(x), jnp.zeros_like(x))

    def message(self, state: State) -> Message:
        return Message(state.y, state.s)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        rho, (x, y, s, p, q) = self.penalty, state
        x = x + self.relaxation * (y - x - self.step_size * s)
        return State(
            x,
            (x + p + rho * mixed.y) / (1 + rho),
            (agent.grad(x) + q + rho * mixed.s) / (1 + rho),
            p + rho / 2 * (mixed.y - y),
            q + rho / 2 * (mixed.s - s),
        )
