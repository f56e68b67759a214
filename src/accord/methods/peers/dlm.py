"""DLM: decentralized ADMM by gradients."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    alpha: Array  # dual variable of agreeing with the neighbours


class Message(NamedTuple):
    x: Array


@method
class DLM:
    """x⁺ = x − (∇f(x) + α + ρ (x − W x)) / (2ρ + η), α⁺ = α + ρ (x⁺ − W x⁺).

    Decentralized ADMM whose subproblem is linearised: f(x) is replaced by ⟨∇f(x_old), x⟩ + (η/2)‖x − x_old‖².
    Each round Σ α_k = 0; at the optimum α_k = −∇f_k.

    - `penalty`: ρ > 0. `proximity`: η > L/2.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, DLM(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Ling, Shi, Wu, Ribeiro 2015, DLM: decentralized linearized alternating direction method of multipliers.
    """

    penalty: float | None = None
    proximity: float | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Ling, Shi, Wu, Ribeiro 2015"
    rules: ClassVar = {
        "penalty": Rule(
            "√(L·max(μ, L/100)/(1−λ₂))",
            lambda c: math.sqrt(c.L * max(c.mu, c.L / 100) / (c.gamma * c.lambda_max)),
        ),
        "proximity": Rule("L", lambda c: c.L),
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, jnp.zeros_like(x))

    def message(self, state: State) -> Message:
        return Message(state.x)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        apart = self.penalty * (state.x - mixed.x)
        alpha = state.alpha + apart
        slope = agent.grad(state.x) + alpha + apart
        return State(state.x - slope / (2 * self.penalty + self.proximity), alpha)
