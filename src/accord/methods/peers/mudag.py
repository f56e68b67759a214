"""Mudag: accelerated gradient tracking with FastMix."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Constants, Rule
from accord.methods.shared.multi_round_gossip import Exchange, fastmix
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # extrapolated
    g_y: Array  # own gradient at y
    v: Array  # y + (x − y_old) − η (g − g_old) on its way through the J exchanges
    v_old: Array


def _exchanges(c: Constants) -> float:
    return (
        max(1, math.ceil(0.4 * math.log(4 * c.L / c.mu_mean) / math.sqrt(max(1 - c.sigma, 1e-12)))) if c.mu_mean else 0
    )


@method
class Mudag:
    """x⁺ = FastMix_J(y + (x − y_old) − η (∇f(y) − ∇f(y_old))); y⁺ = x⁺ + b (x⁺ − x), b = (1−√(μη))/(1+√(μη)).

    Nesterov's method on F, which agents follow together by J exchanges: L and μ are those of F, not of the worst f_k.

    The momentum of FastMix is that of one W: where W varies it may add to disagreement, and the run diverge.

    - `J`: exchanges a round; too few diverge. `step_size`: η ≤ 1/L. `mu`: μ.
    - `sigma`: σ, second largest modulus of an eigenvalue of W; the network's own when not given.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, Mudag(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Ye, Luo, Zhou, Zhang 2023, Multi-consensus decentralized accelerated gradient descent.
    """

    J: int | None = None
    step_size: float | None = None
    mu: float | None = None
    sigma: float | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep")
    reference: ClassVar = "Ye, Luo, Zhou, Zhang 2023"
    rules: ClassVar = {
        "J": Rule("⌈0.4 ln(4L/μ)/√(1−σ)⌉", _exchanges),
        "step_size": Rule("1/Σp_kL_k", lambda c: 1 / c.L_mean),
        "mu": Rule("Σp_kμ_k", lambda c: c.mu_mean),
        "sigma": Rule("of W", lambda c: max(c.sigma, 1e-12)),
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        v = x - self.step_size * g
        return State(x, x, g, v, v)

    @property
    def phases(self) -> tuple[Exchange, ...]:
        return fastmix(self.J, self.sigma, self.step)

    def step(self, state: State, agent: Any, key: Array) -> State:
        root = jnp.sqrt(self.mu * self.step_size)
        x = state.v
        y = x + (1 - root) / (1 + root) * (x - state.x)
        g = agent.grad(y)
        v = y + (x - state.y) - self.step_size * (g - state.g_y)
        return State(x, y, g, v, v)
