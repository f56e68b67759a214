"""SSDA and MSDA: accelerated ascent on the dual of consensus."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.shared.multi_round_gossip import ENOUGH, RULES, Exchange, chebyshev, largest, root_of_gap
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # dual variable, extrapolated
    y: Array  # dual variable; Σ_k y_k = 0
    theta: Array  # ∇f*(x), the agent's own model
    v: Array  # θ on its way through the J exchanges
    v_old: Array


@method
class MSDA:
    """θ = ∇f*(x); y⁺ = x − η P_J θ; x⁺ = (1+m) y⁺ − m y, with P_J Chebyshev's polynomial of I−W, J exchanges.

    η = a/λ_max(P_J) and m = (√κ − √γ_J)/(√κ + √γ_J), γ_J the eigengap of P_J: optimal in rounds and in dual gradients.

    - `J`: exchanges a round. `step_size`: a ≤ μ, the least strong convexity of an agent. `kappa`: max L_k / min μ_k.
    - `gamma`, `c`: λ₂/λ_max of I−W, and the scale that centres its eigenvalues; the network's own when not given.

    Every f_k must be strongly convex, and x0 does not matter: the duals start from zero.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, MSDA(), network=accord.networks.ring(4), stop=accord.Stop(rounds=400))
    >>> float(answer.x.round(6))
    3.2

    Source: Scaman, Bach, Bubeck, Lee, Massoulié 2017, Optimal algorithms for smooth and strongly convex distributed
    optimization.
    """

    J: int | None = None
    step_size: float | None = None
    kappa: float | None = None
    gamma: float | None = None
    c: float | None = None

    needs: ClassVar = ("conjugate_grad",)
    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    convexity: ClassVar = "strong at every agent"
    reference: ClassVar = "Scaman, Bach, Bubeck, Lee, Massoulié 2017"
    rules: ClassVar = {
        "J": ENOUGH,
        "step_size": Rule("μ", lambda c: c.mu),
        "kappa": Rule("L/μ", lambda c: c.kappa),
        **RULES,
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        zero = jnp.zeros_like(x)
        theta = agent.conjugate_grad(zero)
        return State(zero, zero, theta, theta, theta)

    @property
    def phases(self) -> tuple[Exchange, ...]:
        return chebyshev(self.J, self.gamma, self.c, self.step)

    def step(self, state: State, agent: Any, key: Array) -> State:
        root, eta = root_of_gap(self.J or 1, self.gamma), self.step_size / largest(self.J or 1, self.gamma)
        slow = jnp.sqrt(jnp.asarray(self.kappa))
        m = (slow - root) / (slow + root)
        y = state.x - eta * (state.theta - state.v)
        x = (1 + m) * y - m * state.y
        theta = agent.conjugate_grad(x)
        return State(x, y, theta, theta, theta)

    def estimate(self, state: State) -> Array:
        return state.theta


def SSDA(step_size: float | None = None) -> MSDA:
    """MSDA with one exchange a round: y⁺ = x − (μ/λ_max) (I−W) θ (Scaman et al. 2017)."""
    return MSDA(J=1, step_size=step_size)
