"""Push-sum: averages on directed graphs."""

from __future__ import annotations

from typing import Any, ClassVar

from jax import Array

from accord.methods.shared.weighted_sum import WeightedSum, local_optimum
from accord.methods.traits import method


@method
class PushSum:
    """s⁺ = C s, w⁺ = C w, x = s / w, from each agent's own optimum: the mean of the guesses, on directed graphs.

    The columns of C sum to one, so that an agent needs to know only the number of its receivers; Σ s and Σ w never
    change. It reaches Σ p_k x_k of the agents' own optima x_k, not the optimum of F.

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

    def init(self, x: Array, agent: Any, key: Array) -> WeightedSum:
        return local_optimum(x, agent)

    def message(self, state: WeightedSum) -> WeightedSum:
        return state

    def update(self, state: WeightedSum, mixed: WeightedSum, agent: Any, key: Array) -> WeightedSum:
        return mixed

    def estimate(self, state: WeightedSum) -> Array:
        return state.mean

    def work(self, size: float) -> float:
        return 0.0
