"""K-GT: gradient tracking with local training."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule, Stepping
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate, where the last local work began
    y: Array  # where it ended
    z: Array  # the mean direction between them
    c: Array  # control variate: the average gradient less the own


class Message(NamedTuple):
    x: Array  # x + η (y − x)
    z: Array


def _damping(least: float) -> float:
    """min(1, (1+λ)/|λ|): how near averaging with W comes to swapping."""
    return (1 + least) / max(1 + least, -least)


@method
class KGT:
    """y ← y − a (∇f(y) + c), τ times from x, z = (x − y)/(τ a); then c⁺ = c − z + W z and x⁺ = W (x + η (y − x)).

    Local training without drift: c learns what the own gradient lacks of the average. Each round Σ c_k = 0.

    - `local`: the τ steps of size a. `relaxation`: η, how much of the local progress is taken; 1/4 where W ⪰ −I/2,
      and no more than 1−σ: what agents do not mix away in a round turns them against each other in the next.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, KGT(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Liu, Lin, Koloskova, Stich 2024, Decentralized gradient tracking with local steps.
    """

    local: Stepping = GradientDescent(steps=5)
    relaxation: float | None = None

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    name: ClassVar = "k_gt"
    reference: ClassVar = "Liu, Lin, Koloskova, Stich 2024"
    rules: ClassVar = {
        "relaxation": Rule(
            "min(min(1, (1+λ_min(W))/|λ_min(W)|)²/4, 1−σ)",
            lambda c: min(_damping(c.lambda_min) ** 2 / 4, max(1 - c.sigma, 1e-12)),
        )
    }

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        whole = isinstance(self.local, GradientDescent)
        return True if whole else "a neighbourhood of the optimum, of the order of the local step size"

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return self._train(x, jnp.zeros_like(x), agent, key)

    def message(self, state: State) -> Message:
        return Message(state.x + self.relaxation * (state.y - state.x), state.z)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        return self._train(mixed.x, state.c - state.z + mixed.z, agent, key)

    def _train(self, x: Array, c: Array, agent: Any, key: Array) -> State:
        y = self.local(agent, x, key, shift=c)
        tau = jnp.asarray(self.local.count(agent), x.dtype)
        return State(x, y, (x - y) / (tau * self.local.step_size), c)

    def work(self, size: float) -> float:
        return self.local.work(size)
