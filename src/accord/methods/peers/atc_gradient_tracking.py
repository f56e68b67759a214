"""Adapt-then-combine gradient tracking (Aug-DGM)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # tracker: estimates the average gradient
    g: Array  # own gradient at x


class Step(NamedTuple):
    x: Array  # x − a y


class Track(NamedTuple):
    y: Array  # y + ∇f(x⁺) − ∇f(x)


@dataclass(frozen=True)
class Descend:
    """x⁺ = W (x − a y)."""

    step_size: Any

    def message(self, state: State) -> Step:
        return Step(state.x - self.step_size * state.y)

    def update(self, state: State, mixed: Step, agent: Any, key: Array) -> State:
        g = agent.grad(mixed.x)
        return State(mixed.x, state.y + g - state.g, g)


@dataclass(frozen=True)
class Follow:
    """y⁺ = W (y + ∇f(x⁺) − ∇f(x))."""

    def message(self, state: State) -> Track:
        return Track(state.y)

    def update(self, state: State, mixed: Track, agent: Any, key: Array) -> State:
        return state._replace(y=mixed.y)


def _damping(least: float) -> float:
    """min(1, (1+λ)/|λ|): how near averaging with W comes to swapping."""
    return (1 + least) / max(1 + least, -least)


@method
class ATCGradientTracking:
    """x⁺ = W (x − a y), y⁺ = W (y + ∇f(x⁺) − ∇f(x)): gradient tracking that mixes its steps as well.

    Two exchanges a round, of one vector each. Each round mean(y) = mean(∇f_k(x_k)), whatever the network.

    - `step_size`: a < 2/L and a < (1+λ_min(W))²/(2 λ_min(W)² L), where agents of equal curvature L lose stability: the
      modes of every eigenvalue λ of W leave the unit circle there. An eighth and a half of these when not given.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> method, ring = ATCGradientTracking(), accord.networks.ring(4)
    >>> answer = accord.run(problem, method, network=ring, stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Xu, Zhu, Soh, Xie 2015, Augmented distributed gradient methods (Aug-DGM); Di Lorenzo, Scutari 2016 (NEXT).
    """

    step_size: float | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Xu, Zhu, Soh, Xie 2015; Di Lorenzo, Scutari 2016"
    rules: ClassVar = {
        "step_size": Rule("min(1, (1+λ_min(W))/λ_min(W))²/(4L)", lambda c: _damping(c.lambda_min) ** 2 / (4 * c.L))
    }

    @property
    def phases(self) -> tuple[Any, ...]:
        """The two exchanges of a round."""
        return Descend(self.step_size), Follow()

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        return State(x, y=g, g=g)
