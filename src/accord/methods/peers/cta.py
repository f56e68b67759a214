"""Combine-then-adapt diffusion."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate


@method
class CTA:
    """z = W x, x⁺ = z − a ∇f(z): average with the neighbours, then step along the own gradient.

    - `step_size`: a < 2/L whatever the network. Biased: (I−W+aHW) x = a b at the fixed point for quadratics.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, CTA(0.1), network=accord.networks.ring(4), stop=accord.Stop(rounds=300))
    >>> float(answer.x.round(6))
    2.25

    Source: Lopes, Sayed 2008, Diffusion least-mean squares over adaptive networks.
    """

    step_size: float | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "delay", "vary")
    exact: ClassVar = "a floor of the order of the step size over the spectral gap"
    reference: ClassVar = "Lopes, Sayed 2008"
    limits: ClassVar = {"step_size": Rule("2/L", lambda c: 2 / c.L)}
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x)

    def message(self, state: State) -> State:
        return state

    def update(self, state: State, mixed: State, agent: Any, key: Array) -> State:
        z = mixed.x
        return State(z - self.step_size * agent.grad(z))
