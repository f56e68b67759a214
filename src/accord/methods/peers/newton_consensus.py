"""Newton's method among peers: what it needs of all agents is averaged by gossip, and each solves for itself."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Constants, Rule
from accord.methods.shared.multi_round_gossip import RULES, Exchange, chebyshev
from accord.methods.shared.second_order import direction, packed, unpacked
from accord.methods.traits import method

ACCURACY = 1e-3
"""The part of the agents' disagreement about the averages that a round leaves."""


class State(NamedTuple):
    x: Array  # iterate
    h: Array  # own ∇²f_k x − ∇f_k, and the upper triangle of ∇²f_k, at x
    v: Array  # tracker of their averages, on its way through the J exchanges
    v_old: Array


def _exchanges(c: Constants) -> float:
    """J with T_J((1+γ)/(1−γ)) ≥ 1/accuracy."""
    if c.gamma >= 1 - 1e-12:
        return 1
    return max(1, math.ceil(math.acosh(1 / ACCURACY) / math.acosh((1 + c.gamma) / (1 - c.gamma))))


@method
class NewtonConsensus:
    """x⁺ = x − s (Z + λI)⁻¹ (Z x − y), with y ≈ mean(∇²f_k x_k − ∇f_k) and Z ≈ mean(∇²f_k) by gossip.

    (y, Z)⁺ = P_J((y, Z) + h⁺ − h): each agent adds what changed of its own, and J exchanges by Chebyshev's polynomial
    average it. Mistakes of the averages shrink by that accuracy a round, so that all agents come to the optimum of F.

    - `J`: exchanges a round, each of d(d+3)/2 numbers. `step_size`: s, at most 1; less where Newton's method from x0
      would overshoot. `gamma`, `c`: λ₂/λ_max of I−W, and the scale that centres its eigenvalues; the network's own when
      not given.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, NewtonConsensus(), network=accord.networks.ring(4), stop=accord.Stop(rounds=9))
    >>> float(answer.x.round(9))
    3.2

    Source: Varagnolo, Zanella, Cenedese, Pillonetto, Schenato 2016, Newton-Raphson consensus for distributed convex
    optimization; the polynomial, Scaman et al. 2017.
    """

    J: int | None = None
    step_size: float = 1.0
    gamma: float | None = None
    c: float | None = None

    needs: ClassVar = ("grad", "hessian")
    weights: ClassVar = "symmetric"
    dimensions: ClassVar = 2000
    reference: ClassVar = "Varagnolo, Zanella, Cenedese, Pillonetto, Schenato 2016"
    rules: ClassVar = {"J": Rule("as many as leave a thousandth of the disagreement", _exchanges), **RULES}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        h = _own(x, agent)
        return State(x, h, h, h)

    @property
    def phases(self) -> tuple[Exchange, ...]:
        return chebyshev(self.J, self.gamma, self.c, self.step)

    def step(self, state: State, agent: Any, key: Array) -> State:
        d = len(state.x)
        y, Z = state.v[:d], unpacked(state.v[d:], d)
        x = state.x + self.step_size * direction(Z, Z @ state.x - y)
        h = _own(x, agent)
        v = state.v + h - state.h
        return State(x, h, v, v)


def _own(x: Array, agent: Any) -> Array:
    H = agent.hessian(x)
    return jnp.concatenate([H @ x - agent.grad(x), packed(H)])
