"""NIDS: a step size that does not depend on the network."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Regularizer, Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    v: Array  # x − a ∇f(x)
    h: Array  # what is sent: v, less the dual variable, and x − z of the proximal step
    y: Array  # dual variable, a times that of the paper


class Message(NamedTuple):
    h: Array


@method
class NIDS:
    """y⁺ = y + (h − W h)/2, z⁺ = x − a ∇f(x) − y⁺, x⁺ = prox_{a r}(z⁺), with h = 2x − z − a ∇f(x) − y.

    The same as z⁺ = z − x + W̃ (2x − x_old − a (∇f(x) − ∇f(x_old))), W̃ = (I+W)/2. Each round Σ y_k = 0; at the optimum
    y_k = −a (∇f_k + s) with s a subgradient of r. The first step averages too, z₁ = W̃ (x₀ − a ∇f(x₀)).

    - `step_size`: a < 2/L whatever the network. `regularizer`: r, taken from the problem.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, NIDS(), network=accord.networks.ring(4), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(6))
    3.2

    Source: Li, Shi, Yan 2019, A decentralized proximal-gradient method with network independent step-sizes.
    """

    step_size: float | None = None
    regularizer: Regularizer | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    always_connected: ClassVar = True
    reference: ClassVar = "Li, Shi, Yan 2019"
    limits: ClassVar = {"step_size": Rule("2/L", lambda c: 2 / c.L)}
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return self._state(x, x, jnp.zeros_like(x), agent)

    def message(self, state: State) -> Message:
        return Message(state.h)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        y = state.y + (state.h - mixed.h) / 2
        z = state.v - y
        x = z if self.regularizer is None else self.regularizer.prox(z, self.step_size)
        return self._state(x, z, y, agent)

    def _state(self, x: Array, z: Array, y: Array, agent: Any) -> State:
        v = x - self.step_size * agent.grad(x)
        return State(x, v, v + x - z - y, y)
