"""GT-SARAH: gradient tracking of variance-reduced gradients, by recursion."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # tracker: estimates the average gradient
    v: Array  # SARAH's estimate of the own gradient at x
    t: Array  # round


class Message(NamedTuple):
    x: Array
    y: Array


@method
class GTSARAH:
    """x⁺ = W x − a y, y⁺ = W y + v⁺ − v with v⁺ = v + ∇l_B(x⁺) − ∇l_B(x), and every q rounds v⁺ = ∇f(x⁺).

    B are rows drawn afresh, the same at both points. Each round mean(y) = mean(v), whatever the network.

    - `step_size`: a. `batch_size`: |B|. `period`: q.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, GTSARAH(), network=accord.networks.ring(4), stop=accord.Stop(rounds=900))
    >>> float(answer.x.round(6))
    3.2

    Source: Xin, Khan, Kar 2022, Fast decentralized nonconvex finite-sum optimization with recursive variance reduction.
    """

    step_size: float | None = None
    batch_size: int = 1
    period: int = 10

    needs: ClassVar = ("grad", "sample_grad")
    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    name: ClassVar = "gt_sarah"
    reference: ClassVar = "Xin, Khan, Kar 2022"
    rules: ClassVar = {
        "step_size": Rule("(1+λ_min(W))²/(12 L_row)", lambda c: (1 + c.lambda_min) ** 2 / (12 * c.L_row))
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        v = agent.grad(x)
        return State(x, y=v, v=v, t=jnp.zeros((), jnp.int32))

    def message(self, state: State) -> Message:
        return Message(state.x, state.y)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x, t = mixed.x - self.step_size * state.y, state.t + 1

        def recur() -> Array:
            here, there = (agent.sample_grad(at, key, self.batch_size) for at in (x, state.x))
            return state.v + here - there

        v = jax.lax.cond(t % self.period == 0, lambda: agent.grad(x), recur)
        return State(x, mixed.y + v - state.v, v, t)

    def work(self, size: float) -> float:
        drawn = 2 * self.batch_size / max(size, 1)
        return (1 + (self.period - 1) * drawn) / self.period
