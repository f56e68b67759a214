"""Decentralized ProxSkip (Scaffnew): local steps whose number is drawn, for all agents alike."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    x_hat: Array  # where the local steps ended
    h: Array  # control variate: estimates the own gradient at the optimum
    t: Array  # round, which all agents count, so that all draw the same


class Message(NamedTuple):
    x_hat: Array


@method
class DecentralizedProxSkip:
    """x̂ ← x̂ − a (∇f(x̂) − h) until a shared coin of chance p falls; then x⁺ = W̃ x̂ and h⁺ = h + (p/a)(x⁺ − x̂).

    W̃ = (I+W)/2. A round ends with a communication, so that the steps it holds are geometric, 1/p on average. Each round
    Σ h_k = 0; at the optimum h_k = ∇f_k. Exact diffusion where p = 1.

    - `step_size`: a < 2/L. `steps`: 1/p. `seed`: of the coin.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> method, ring = DecentralizedProxSkip(), accord.networks.ring(4)
    >>> answer = accord.run(problem, method, network=ring, stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(6))
    3.2

    Source: Mishchenko, Malinovsky, Stich, Richtárik 2022, ProxSkip: Yes! Local gradient steps
    provably lead to communication acceleration! Finally!
    """

    step_size: float | None = None
    steps: int | None = None
    seed: int = 1

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    always_connected: ClassVar = True
    reference: ClassVar = "Mishchenko, Malinovsky, Stich, Richtárik 2022"
    rules: ClassVar = {
        "step_size": Rule("1/L", lambda c: 1 / c.L),
        "steps": Rule(
            "√(L(1−λ₂)/(2 max(μ, L/100))), at least 1",
            lambda c: max(1.0, math.sqrt(c.gamma * (1 - c.lambda_min) / (2 * max(c.mu / c.L, 0.01)))),
        ),
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return self._train(x, jnp.zeros_like(x), jnp.zeros((), jnp.int32), agent)

    def message(self, state: State) -> Message:
        return Message(state.x_hat)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = (state.x_hat + mixed.x_hat) / 2
        h = state.h + (x - state.x_hat) / (self.steps * self.step_size)
        return self._train(x, h, state.t + 1, agent)

    def _train(self, x: Array, h: Array, t: Array, agent: Any) -> State:
        coins = jax.random.fold_in(jax.random.key(self.seed), t)
        steps = jax.random.geometric(coins, 1 / self.steps, dtype=jnp.int32)
        x_hat = jax.lax.fori_loop(0, steps, lambda _, x: x - self.step_size * (agent.grad(x) - h), x)
        return State(x, x_hat, h, t)

    def work(self, size: float) -> float:
        return float(self.steps or 1)
