"""EXTRA and PG-EXTRA."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Regularizer, Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # dual variable: half of all disagreement so far


class Message(NamedTuple):
    x: Array


@method
class EXTRA:
    """x⁺ = prox_{a r}(W x − a ∇f(x) − y), y⁺ = y + (x − W x)/2: decentralised gradient descent whose bias y takes away.

    Where r is nothing, the difference of two rounds is x⁺⁺ = (I+W) x⁺ − W̃ x − a (∇f(x⁺) − ∇f(x)), W̃ = (I+W)/2. Each
    round Σ y_k = 0, whatever the network; at the optimum y_k = −a ∇f_k. One gradient a round.

    - `step_size`: a < (1 + λ_min(W))/L.
    - `regularizer`: r, taken from the problem; with one the method is PG-EXTRA.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, EXTRA(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Shi, Ling, Wu, Yin 2015, EXTRA; and A proximal gradient algorithm for decentralized composite optimization.
    """

    step_size: float | None = None
    regularizer: Regularizer | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Shi, Ling, Wu, Yin 2015"
    limits: ClassVar = {"step_size": Rule("(1+λ_min(W))/L", lambda c: (1 + c.lambda_min) / c.L)}
    rules: ClassVar = {"step_size": Rule("(1+λ_min(W))/(2L)", lambda c: (1 + c.lambda_min) / (2 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, jnp.zeros_like(x))

    def message(self, state: State) -> Message:
        return Message(state.x)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = mixed.x - self.step_size * agent.grad(state.x) - state.y
        y = state.y + (state.x - mixed.x) / 2
        return State(x if self.regularizer is None else self.regularizer.prox(x, self.step_size), y)
