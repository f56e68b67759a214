"""GT-SAGA: gradient tracking of variance-reduced gradients, from a table."""

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
    v: Array  # SAGA's estimate of the own gradient at x
    table: Array  # (rows, d) the gradient of each row when it was last drawn
    mean: Array  # of the table


class Message(NamedTuple):
    x: Array
    y: Array


@method
class GTSAGA:
    """x⁺ = W x − a y, y⁺ = W y + v⁺ − v with v = ∇l_i(x) − table_i + mean(table): one row a round, and yet exact.

    An agent draws a row i, and keeps its gradient in the table. Each round mean(y) = mean(v), whatever the network.

    - `step_size`: a; 1/(3 L_row) is safe at one agent, L_row the smoothness of the loss of one row.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, GTSAGA(), network=accord.networks.ring(4), stop=accord.Stop(rounds=900))
    >>> float(answer.x.round(6))
    3.2

    Source: Xin, Khan, Kar 2020, Variance-reduced decentralized stochastic optimization with accelerated convergence.
    """

    step_size: float | None = None

    needs: ClassVar = ("sample_grad",)
    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    name: ClassVar = "gt_saga"
    reference: ClassVar = "Xin, Khan, Kar 2020"
    rules: ClassVar = {
        "step_size": Rule("(1+λ_min(W))²/(12 L_row)", lambda c: (1 + c.lambda_min) ** 2 / (12 * c.L_row))
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        rows = jnp.arange(agent.capacity, dtype=jnp.int32)
        table = jax.lax.map(lambda i: agent.batch_grad(x, i, 1), rows)
        mean = jnp.sum(table, 0) / jnp.maximum(agent.size, 1).astype(x.dtype)
        return State(x, y=mean, v=mean, table=table, mean=mean)

    def message(self, state: State) -> Message:
        return Message(state.x, state.y)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = mixed.x - self.step_size * state.y
        i = jax.random.randint(key, (), 0, jnp.maximum(agent.size, 1), jnp.int32)
        row = agent.batch_grad(x, i, 1)
        change = row - state.table[i]
        v = change + state.mean
        mean = state.mean + change / jnp.maximum(agent.size, 1).astype(x.dtype)
        return State(x, mixed.y + v - state.v, v, state.table.at[i].set(row), mean)

    def work(self, size: float) -> float:
        return 1 / max(size, 1)
