"""Decentralized ADMM."""

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
class DecentralizedADMM:
    """x⁺ = argmin f(x) + ⟨α, x⟩ + ρ‖x − (x_old + W x_old)/2‖², α⁺ = α + ρ (x⁺ − W x⁺).

    ADMM on the constraints x_k = x_j, each weighed by w_kj: with unit weights and degrees it is that of Shi et al. Each
    round Σ α_k = 0; at the optimum α_k = −∇f_k.

    - `penalty`: ρ > 0, any; it trades agreement for progress.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, DecentralizedADMM(), network=accord.networks.ring(4), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(6))
    3.2

    Source: Shi, Ling, Yuan, Wu, Yin 2014, On the linear convergence of the ADMM in decentralized consensus.
    """

    penalty: float | None = None

    needs: ClassVar = ("prox",)
    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Shi, Ling, Yuan, Wu, Yin 2014"
    rules: ClassVar = {
        "penalty": Rule(
            "√(L·max(μ, L/100)/(1−λ₂))",
            lambda c: math.sqrt(c.L * max(c.mu, c.L / 100) / (c.gamma * c.lambda_max)),
        )
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, jnp.zeros_like(x))

    def message(self, state: State) -> Message:
        return Message(state.x)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        alpha = state.alpha + self.penalty * (state.x - mixed.x)
        middle = (state.x + mixed.x) / 2
        return State(agent.prox(middle - alpha / (2 * self.penalty), 2 * self.penalty), alpha)
