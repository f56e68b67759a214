"""LT-ADMM: decentralized ADMM with local training."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Stepping
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    alpha: Array  # dual variable of agreeing with the neighbours


class Message(NamedTuple):
    x: Array


@method
class LTADMM:
    """α⁺ = α + (ρ/2)(x − W x), and x⁺ by τ local steps φ ← φ − a (∇f(φ) + α + ρ (x − W x)) from x.

    Decentralized ADMM whose subproblem is solved by a few gradient steps, under a pull of the neighbours that stands
    still meanwhile. Each round Σ α_k = 0; at the optimum α_k = −∇f_k.

    - `local`: the τ steps of size a, as many for all agents.
    - `penalty`: ρ τ a, by how much a round of local steps follows the neighbours.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, LTADMM(), network=accord.networks.ring(4), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(6))
    3.2

    Source: Ren, Bastianello, Johansson, Parisini 2024, Distributed learning by local training ADMM.
    """

    local: Stepping = GradientDescent(steps=5)
    penalty: float = 1.0

    weights: ClassVar = "symmetric"
    even: ClassVar = True  # Σ over agents of the dual variables stays 0 under one τ for all
    bears: ClassVar = ("lose", "sleep", "vary")
    name: ClassVar = "lt_admm"
    reference: ClassVar = "Ren, Bastianello, Johansson, Parisini 2024"

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        whole = isinstance(self.local, GradientDescent)
        return True if whole else "a neighbourhood of the optimum, of the order of the local step size"

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, jnp.zeros_like(x))

    def message(self, state: State) -> Message:
        return Message(state.x)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        tau = jnp.asarray(self.local.count(agent), state.x.dtype)
        apart = self.penalty / (tau * self.local.step_size) * (state.x - mixed.x)
        x = self.local(agent, state.x, key, shift=state.alpha + apart)
        return State(x, state.alpha + apart / 2)

    def work(self, size: float) -> float:
        return self.local.work(size)
