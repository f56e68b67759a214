"""Randomized gossip: the agent whose clock ticks calls a neighbour, and both take their average."""

from __future__ import annotations

from typing import Any, ClassVar

from jax import Array

from accord.methods.shared.weighted_sum import WeightedSum, local_optimum
from accord.methods.traits import method


@method
class RandomizedGossip:
    """x_k, x_j ← (x_k + x_j)/2 for an agent k that wakes and a neighbour j drawn at random, from their own optima.

    Sum and weight are averaged apart, x_k = s_k / w_k, so that the mean of the guesses is Σ p_k x_k exactly; it is not
    the optimum of F. A call that is lost changes nothing. Poisson clocks are `Clock(compute=exponential(seconds))`;
    many pairs at once, in step, are `AverageConsensus` over `networks.random_matchings(network)`.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> poisson = accord.runtimes.Timed(accord.Clock(compute=accord.clocks.exponential(1.0)))
    >>> how = {"network": accord.networks.ring(4), "runtime": poisson, "stop": accord.Stop(rounds=300)}
    >>> float(accord.run(problem, RandomizedGossip(), **how).x.round(4))
    2.25

    Source: Boyd, Ghosh, Prabhakar, Shah 2006, Randomized gossip algorithms.
    """

    needs: ClassVar = ("prox",)
    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose",)
    asynchronous: ClassVar = True
    exact: ClassVar = "the weighted mean of the agents' own optima"
    reference: ClassVar = "Boyd, Ghosh, Prabhakar, Shah 2006, Randomized gossip algorithms"

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
