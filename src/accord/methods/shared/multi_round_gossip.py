"""Averaging several times a round: v⁺ = (1+ω) M v − ω v_old with M = I − c (I−W), which keeps the mean whatever ω is.

- Chebyshev (Auzinger 2011; Scaman et al. 2017): ω_j = a_{j−1}/a_{j+1}, a_j = T_j((1+γ)/(1−γ)), ω_0 = 0, and
  c = 2/((1+γ) λ_max). After J exchanges v = (1 − P_J(I−W)) v_0, and disagreement is 1/a_J of
  what it was: no polynomial does better.
- FastMix (Liu, Morse 2011; Ye et al. 2023): ω = (1−√(1−σ²))/(1+√(1−σ²)) throughout, and c = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule


class Message(NamedTuple):
    v: Array  # what is being averaged


class Exchange(NamedTuple):
    """One exchange of a round, for any state with `v` and `v_old`; `then`, after the last, does the agent's own work.

    Those that differ in nothing but their number `j` are a loop in the compiled program.
    """

    j: Any
    omega: Callable[[Any], Any]  # of j
    c: Any
    then: Callable[[Any, Any, Array], Any] | None = None

    def message(self, state: Any) -> Message:
        return Message(state.v)

    def update(self, state: Any, mixed: Message, agent: Any, key: Array) -> Any:
        v = state.v + self.c * (mixed.v - state.v)
        state = state._replace(v=v + self.omega(self.j) * (v - state.v_old), v_old=state.v)
        return state if self.then is None else self.then(state, agent, key)


def chebyshev(J: int | None, gamma: Any, c: Any, then: Callable[[Any, Any, Array], Any]) -> tuple[Exchange, ...]:
    """J exchanges of Chebyshev's polynomial, and then the agent's own work."""

    def omega(j: Any) -> Any:
        c1 = _root(gamma)
        j = jnp.asarray(j, c1.dtype)
        return jnp.where(j > 0, c1**2 * (1 + c1 ** (2 * j - 2)) / (1 + c1 ** (2 * j + 2)), 0)

    return _exchanges(J or 1, omega, c, then)


def fastmix(J: int | None, sigma: Any, then: Callable[[Any, Any, Array], Any]) -> tuple[Exchange, ...]:
    """J exchanges with one momentum, and then the agent's own work."""

    def omega(_: Any) -> Any:
        root = jnp.sqrt(1 - jnp.square(sigma))
        return (1 - root) / (1 + root)

    return _exchanges(J or 1, omega, 1.0, then)


def _exchanges(
    J: int, omega: Callable[[Any], Any], c: Any, then: Callable[[Any, Any, Array], Any]
) -> tuple[Exchange, ...]:
    return (*(Exchange(j, omega, c) for j in range(J - 1)), Exchange(J - 1, omega, c, then))


def _root(gamma: Any) -> Any:
    """c₁ = (1−√γ)/(1+√γ), by which T_j((1+γ)/(1−γ)) = (c₁ʲ + c₁⁻ʲ)/2."""
    return (1 - jnp.sqrt(gamma)) / (1 + jnp.sqrt(gamma))


def root_of_gap(J: int, gamma: Any) -> Any:
    """√γ of P_J(I−W): (1−c₁ᴶ)/(1+c₁ᴶ); √γ itself for J = 1."""
    c1 = _root(gamma)
    return (1 - c1**J) / (1 + c1**J)


def largest(J: int, gamma: Any) -> Any:
    """λ_max of P_J(I−W): (1+c₁ᴶ)²/(1+c₁²ᴶ)."""
    c1 = _root(gamma)
    return (1 + c1**J) ** 2 / (1 + c1 ** (2 * J))


ENOUGH = Rule("⌊1/√γ⌋, at most 32", lambda c: max(1, min(math.floor(c.gamma**-0.5 + 1e-9), 32)))
"""Exchanges a round after which the gap of P_J is a constant; fewer cost gradients, and no more exchanges."""

RULES = {
    "gamma": Rule("λ₂/λ_max of I−W", lambda c: c.gamma),
    "c": Rule("2/((1+γ) λ_max(I−W))", lambda c: 2 / ((1 + c.gamma) * c.lambda_max)),
}
"""The constants of the network that Chebyshev's polynomial needs."""
