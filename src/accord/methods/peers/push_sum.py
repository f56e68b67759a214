"""Push-sum: averages on directed graphs."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.base import method


class State(NamedTuple):
    s: Array  # share of the weighted sum of guesses
    w: Array  # share of the sum of weights


@method
class PushSum:
    """s⁺ = C s, w⁺ = C w, x = s / w, from each agent's own optimum: the mean of the guesses, on directed graphs.

    The columns of C sum to one, so that an agent needs to know only how many hear it; Σ s and Σ w never change.
    It reaches Σ p_k x_k of the agents' own optima x_k, not the optimum of F.

    >>> import accord, networkx
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> graph = networkx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
    >>> network = accord.networks.from_networkx(graph)
    >>> answer = accord.run(problem, PushSum(), network=network, stop=accord.Stop(rounds=60))
    >>> float(answer.x.round(6))
    2.25

    Source: Kempe, Dobra, Gehrke 2003, Gossip-based computation of aggregate information.
    """

    needs: ClassVar = ("prox",)
    weights: ClassVar = "column stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    exact: ClassVar = "the weighted mean of the agents' own optima"
    reference: ClassVar = "Kempe, Dobra, Gehrke 2003"

    def init(self, x: Array, agent: Any, key: Array) -> State:
        w = jnp.ones(1, x.dtype) * agent.scale
        return State(w * agent.prox(x, 0.0), w)

    def message(self, state: State) -> State:
        return state

    def update(self, state: State, mixed: State, agent: Any, key: Array) -> State:
        return mixed

    def estimate(self, state: State) -> Array:
        return state.s / jnp.where(state.w > 0, state.w, 1)

    def work(self, size: float) -> float:
        return 0.0
