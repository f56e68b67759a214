"""Chebyshev gossip: average consensus by the best polynomial of W there is."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.shared.multi_round_gossip import ENOUGH, RULES, Exchange, chebyshev
from accord.methods.shared.weighted_sum import WeightedSum, local_optimum
from accord.methods.traits import method


class State(NamedTuple):
    v: Array  # (d+1,) share of the weighted sum of guesses, and of the sum of weights
    v_old: Array


@method
class ChebyshevGossip:
    """v⁺ = T_J(c₂ M) v / T_J(c₂) from each agent's own optimum, M = I − c (I−W), c₂ = (1+γ)/(1−γ), J exchanges a round.

    Disagreement shrinks by 2c₁ᴶ/(1+c₁²ᴶ) a round, c₁ = (1−√γ)/(1+√γ); plain averaging needs 1/√γ times as many
    exchanges. It reaches the weighted mean of the guesses, not the optimum of F; unequal p_k as in `AverageConsensus`.

    - `J`: exchanges a round. `gamma`, `c`: λ₂/λ_max of I−W, and the scale that centres its eigenvalues; the network's
      own when not given.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, ChebyshevGossip(), network=accord.networks.ring(4), stop=accord.Stop(rounds=60))
    >>> float(answer.x.round(6))
    2.25

    Source: Auzinger 2011, Iterative solution of large linear systems; Scaman et al. 2017, Algorithm 2.
    """

    J: int | None = None
    gamma: float | None = None
    c: float | None = None

    needs: ClassVar = ("prox",)
    weights: ClassVar = "symmetric"
    exact: ClassVar = "the weighted mean of the agents' own optima"
    reference: ClassVar = "Auzinger 2011; Scaman et al. 2017"
    rules: ClassVar = {"J": ENOUGH, **RULES}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        v = jnp.concatenate(local_optimum(x, agent))
        return State(v, v)

    @property
    def phases(self) -> tuple[Exchange, ...]:
        return chebyshev(self.J, self.gamma, self.c, lambda state, agent, key: State(state.v, state.v))

    def estimate(self, state: State) -> Array:
        return WeightedSum(state.v[:-1], state.v[-1:]).mean

    def work(self, size: float) -> float:
        return 0.0
