"""APAPC and OPAPC: the accelerated proximal alternating predictor-corrector."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Constants, Rule
from accord.methods.shared.multi_round_gossip import ENOUGH, RULES, Exchange, chebyshev, largest, root_of_gap
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    x_f: Array  # iterate of the fast sequence
    x_g: Array  # where the gradient is taken
    y: Array  # dual variable; Σ_k y_k = 0
    h: Array  # prediction of x
    v: Array  # h on its way through the J exchanges
    v_old: Array


def _boldest(c: Constants) -> float:
    """a = u²/L with u² = 1 − tu/2, t = 1/√(κγ): then 2τη/(2−τ) = 1/L with one exchange, and less with more."""
    if c.mu <= 0 or c.gamma <= 0:
        return 0.0
    t = 1 / math.sqrt(c.kappa * c.gamma)
    return max(math.sqrt(1 + t * t / 16) - t / 4, math.sqrt(0.5)) ** 2 / c.L


@method
class OPAPC:
    """x_g = τx + (1−τ)x_f; predict h; y⁺ = y + θ P_J h; correct x; x_f⁺ = x_g + 2τ/(2−τ) (x⁺ − x).

    h = (x − η(∇f(x_g) − μx_g + y))/(1+ημ), and x⁺ the same with y⁺. τ = min(1, √(μa/γ_J)), η = a/τ and
    θ = 1/(η λ_max(P_J)), P_J Chebyshev's polynomial of I−W and γ_J its eigengap: optimal in rounds and in gradients.

    - `J`: exchanges a round. `mu`: μ, the least strong convexity of an agent.
    - `step_size`: a. The paper proves a = 1/(4L). When not given, the largest a for which x_f moves by 1/L along the
      gradient, as in Nesterov's method, up to 4 times that, and nearly twice as fast.
    - `gamma`, `c`: λ₂/λ_max of I−W, and the scale that centres its eigenvalues; the network's own when not given.

    Every f_k must be strongly convex.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, OPAPC(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Kovalev, Salim, Richtárik 2020, Optimal and practical algorithms for smooth and strongly convex
    decentralized optimization.
    """

    J: int | None = None
    step_size: float | None = None
    mu: float | None = None
    gamma: float | None = None
    c: float | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    always_connected: ClassVar = True
    convexity: ClassVar = "strong at every agent"
    reference: ClassVar = "Kovalev, Salim, Richtárik 2020"
    rules: ClassVar = {
        "J": ENOUGH,
        "step_size": Rule("(1−τ/2)/L", _boldest),
        "mu": Rule("μ", lambda c: c.mu),
        **RULES,
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return self._predict(x, x, jnp.zeros_like(x), agent)

    @property
    def phases(self) -> tuple[Exchange, ...]:
        return chebyshev(self.J, self.gamma, self.c, self.step)

    def step(self, state: State, agent: Any, key: Array) -> State:
        tau, eta = self._constants()
        y = state.y + (state.h - state.v) / (eta * largest(self.J or 1, self.gamma))
        x = state.h - eta * (y - state.y) / (1 + eta * self.mu)
        return self._predict(x, state.x_g + 2 * tau / (2 - tau) * (x - state.x), y, agent)

    def _predict(self, x: Array, x_f: Array, y: Array, agent: Any) -> State:
        tau, eta = self._constants()
        x_g = tau * x + (1 - tau) * x_f
        h = (x - eta * (agent.grad(x_g) - self.mu * x_g + y)) / (1 + eta * self.mu)
        return State(x, x_f, x_g, y, h, h, h)

    def _constants(self) -> tuple[Array, Array]:
        tau = jnp.minimum(1, jnp.sqrt(self.mu * self.step_size) / root_of_gap(self.J or 1, self.gamma))
        return tau, self.step_size / tau


def APAPC(step_size: float | None = None, mu: float | None = None) -> OPAPC:
    """OPAPC with one exchange a round: θ P₁ = (I−W)/(η λ_max) (Kovalev, Salim, Richtárik 2020)."""
    return OPAPC(J=1, step_size=step_size, mu=mu)
