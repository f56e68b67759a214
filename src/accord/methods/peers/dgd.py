"""Decentralised gradient descent."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.shared.stochastic import gradient, passes
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate


@method
class DGD:
    """x⁺ = W x − a ∇f(x): average with the neighbours, step along the own gradient.

    - `batch_size`: rows drawn afresh for each gradient; None for the full gradient.
    - `step_size`: a < (1 + λ_min(W))/L. Its fixed point is biased by O(a/(1−σ)): (I−W+aH) x = a b for quadratics.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, DGD(0.1), network=accord.networks.ring(4), stop=accord.Stop(rounds=300))
    >>> float(answer.x.round(6))
    2.25

    Source: Nedić, Ozdaglar 2009; Yuan, Ling, Yin 2016, On the convergence of decentralized gradient descent.
    """

    step_size: float | None = None
    batch_size: int | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "delay", "vary")
    exact: ClassVar = "a floor of the order of the step size over the spectral gap"
    reference: ClassVar = "Nedić, Ozdaglar 2009; Yuan, Ling, Yin 2016"
    rules: ClassVar = {"step_size": Rule("(1+λ_min(W))/(2L)", lambda c: (1 + c.lambda_min) / (2 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x)

    def message(self, state: State) -> State:
        return state

    def update(self, state: State, mixed: State, agent: Any, key: Array) -> State:
        return State(mixed.x - self.step_size * gradient(agent, state.x, key, self.batch_size))

    def work(self, size: float) -> float:
        return passes(self.batch_size, size)


def DSGD(step_size: float | None = None, batch_size: int | None = 32) -> DGD:
    """DGD with stochastic gradients, x⁺ = W x − a g(x; ξ), also known as D-PSGD.

    - `step_size`: a. `batch_size`: rows drawn afresh for each gradient.

    >>> DSGD(0.1)
    DGD(step_size=0.1, batch_size=32)

    Source: Lian et al. 2017, Can decentralized algorithms outperform centralized algorithms?
    """
    return DGD(step_size, batch_size)
