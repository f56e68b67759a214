"""Adapt-then-combine diffusion."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    psi: Array  # the iterate after its own step, before it is combined


class Message(NamedTuple):
    psi: Array


@method
class ATC:
    """x⁺ = W (x − a ∇f(x)): step along the own gradient, then average with the neighbours.

    - `step_size`: a < 2/L whatever the network. Biased: (I−W+aWH) x = aW b at the fixed point for quadratics.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, ATC(0.1), network=accord.networks.ring(4), stop=accord.Stop(rounds=300))
    >>> float(answer.x.round(6))
    2.25

    Source: Cattivelli, Sayed 2010; Chen, Sayed 2012, Diffusion adaptation strategies.
    """

    step_size: float | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "delay", "vary")
    exact: ClassVar = "a floor of the order of the step size over the spectral gap"
    reference: ClassVar = "Cattivelli, Sayed 2010; Chen, Sayed 2012"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, x - self.step_size * agent.grad(x))

    def message(self, state: State) -> Message:
        return Message(state.psi)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = mixed.psi
        return State(x, x - self.step_size * agent.grad(x))
