"""Push-DIGing: gradient tracking on directed graphs by push-sum."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    u: Array  # iterate times its push-sum weight
    v: Array  # push-sum weight
    x: Array  # u / v
    y: Array  # tracker: its sum is that of the gradients
    g: Array  # own gradient at x


class Message(NamedTuple):
    u: Array  # u − a y
    v: Array
    y: Array


@method
class PushDIGing:
    """u⁺ = C (u − a y), v⁺ = C v, x⁺ = u⁺/v⁺, y⁺ = C y + ∇f(x⁺) − ∇f(x), with columns of C that sum to one.

    Each round Σ y_k = Σ ∇f_k(x_k) and Σ v_k = K, so an agent needs to know only the number of its receivers.

    - `step_size`: a; its limit shrinks with the mixing, 1−σ, and with v_min, the least push-sum weight that an agent
      comes to hold.

    >>> import accord, networkx
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> graph = networkx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
    >>> network = accord.networks.from_networkx(graph)
    >>> answer = accord.run(problem, PushDIGing(), network=network, stop=accord.Stop(rounds=900))
    >>> float(answer.x.round(6))
    3.2

    Source: Nedić, Olshevsky, Shi 2017, Achieving geometric convergence for distributed optimization.
    """

    step_size: float | None = None

    weights: ClassVar = "column stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    name: ClassVar = "push_diging"
    reference: ClassVar = "Nedić, Olshevsky, Shi 2017"
    rules: ClassVar = {"step_size": Rule("(1−σ)√v_min/(4L)", lambda c: (1 - c.sigma) * math.sqrt(c.v_min) / (4 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        return State(x, jnp.ones(1, x.dtype), x, y=g, g=g)

    def message(self, state: State) -> Message:
        return Message(state.u - self.step_size * state.y, state.v, state.y)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = mixed.u / mixed.v
        g = agent.grad(x)
        return State(mixed.u, mixed.v, x, mixed.y + g - state.g, g)
