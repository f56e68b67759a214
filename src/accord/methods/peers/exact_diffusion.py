"""Exact diffusion, also known as D²."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.shared.stochastic import NEIGHBOURHOOD, gradient, passes
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    psi: Array  # x − a ∇f(x)
    phi: Array  # psi, corrected by what the last average took away


class Message(NamedTuple):
    phi: Array


@method
class ExactDiffusion:
    """ψ⁺ = x − a ∇f(x), φ⁺ = ψ⁺ + x − ψ, x⁺ = W̃ φ⁺: adapt, correct, combine.

    Each round mean(x) is that of φ. The same iterates as NIDS without a proximal term.

    - `step_size`: a < 2/L with W̃ whatever the network.
    - `lazy`: True averages by W̃ = (I+W)/2; False by W itself, which is D² and asks for λ_min(W) > −1/3.
    - `batch_size`: rows drawn afresh for each gradient (D²); None for the full gradient.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, ExactDiffusion(), network=accord.networks.ring(4), stop=accord.Stop(rounds=200))
    >>> float(answer.x.round(6))
    3.2

    Source: Yuan, Ying, Zhao, Sayed 2019, Exact diffusion; Tang, Lian, Yan, Zhang, Liu 2018, D².
    """

    step_size: float | None = None
    lazy: bool = True
    batch_size: int | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    always_connected: ClassVar = True
    reference: ClassVar = "Yuan, Ying, Zhao, Sayed 2019; Tang et al. 2018"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    @property
    def least_eigenvalue(self) -> float | None:
        """−1/3 without the half of I that makes every W do."""
        return None if self.lazy else -1 / 3

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return True if self.batch_size is None else NEIGHBOURHOOD

    def init(self, x: Array, agent: Any, key: Array) -> State:
        psi = x - self.step_size * gradient(agent, x, key, self.batch_size)
        return State(x, psi, psi)

    def message(self, state: State) -> Message:
        return Message(state.phi)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = (state.phi + mixed.phi) / 2 if self.lazy else mixed.phi
        psi = x - self.step_size * gradient(agent, x, key, self.batch_size)
        return State(x, psi, psi + x - state.psi)

    def work(self, size: float) -> float:
        return passes(self.batch_size, size)
