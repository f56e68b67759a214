"""LED: exact diffusion with local training."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Stepping
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate, where the last local work began
    phi: Array  # where it ended
    y: Array  # dual variable of a step: what the averages took away, spread over the local steps


class Message(NamedTuple):
    phi: Array


@method
class LED:
    """φ ← φ − a (∇f(φ) + y), τ times from x; then x⁺ = W̃ φ, W̃ = (I+W)/2, and y⁺ = y + (φ − x⁺)/(τ a).

    Exact diffusion where τ = 1. Each round Σ y_k = 0; at the optimum y_k = −∇f_k.

    - `local`: the τ steps of size a, as many for all agents.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, LED(), network=accord.networks.ring(4), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(6))
    3.2

    Source: Alghunaim 2024, Local exact-diffusion for decentralized optimization and learning.
    """

    local: Stepping = GradientDescent(steps=5)

    weights: ClassVar = "symmetric"
    even: ClassVar = True  # Σ over agents of the dual variables stays 0 under one τ for all
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Alghunaim 2024, Local exact-diffusion"

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        whole = isinstance(self.local, GradientDescent)
        return True if whole else "a neighbourhood of the optimum, of the order of the local step size"

    def init(self, x: Array, agent: Any, key: Array) -> State:
        y = jnp.zeros_like(x)
        return State(x, self.local(agent, x, key), y)

    def message(self, state: State) -> Message:
        return Message(state.phi)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = (state.phi + mixed.phi) / 2
        tau = jnp.asarray(self.local.count(agent), x.dtype)
        y = state.y + (state.phi - x) / (tau * self.local.step_size)
        return State(x, self.local(agent, x, key, shift=y), y)

    def work(self, size: float) -> float:
        return self.local.work(size)
