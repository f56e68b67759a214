"""Average consensus: every agent starts from its own optimum and averages with its neighbours."""

from __future__ import annotations

from typing import Any, ClassVar

from jax import Array

from accord.methods.shared.weighted_sum import WeightedSum, local_optimum
from accord.methods.traits import method


@method
class AverageConsensus:
    """x⁺ = W x from each agent's own optimum: reaches the mean of the guesses, not the optimum of F.

    Sum and weight are averaged apart, x_k = s_k / w_k, so that unequal weights p_k give Σ p_k x_k exactly.

    Over `networks.random_matchings(network)` this is *randomised gossip* (Boyd, Ghosh, Prabhakar, Shah 2006): in each
    round neighbours pair up at random, and both take their average.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, AverageConsensus(), network=accord.networks.ring(4), stop=accord.Stop(rounds=60))
    >>> float(answer.x.round(6))
    2.25

    Source: DeGroot 1974; Xiao, Boyd 2004, Fast linear iterations for distributed averaging.
    """

    needs: ClassVar = ("prox",)
    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "delay", "vary")
    exact: ClassVar = "the weighted mean of the agents' own optima"
    reference: ClassVar = "DeGroot 1974; Xiao, Boyd 2004; over random matchings Boyd et al. 2006"

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
