"""Push-sum with running sums: averages on directed graphs whose messages are lost without notice."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Places
from accord.methods.shared.weighted_sum import WeightedSum, local_optimum
from accord.methods.traits import method


class State(NamedTuple):
    v: Array  # (d+1,) share of the weighted sum of guesses, and of the sum of weights
    sigma: Array  # (d+1,) all that each receiver has been sent so far
    rho: Array  # (places, d+1) all that has been received so far of each neighbour's sigma
    listeners: Array  # (places,) 1 where a place holds a receiver of it


class Message(NamedTuple):
    sigma: Array  # (places, d+1) the running sum, the same for each


@method
class RobustPushSum:
    """σ⁺ = σ + v/(1+d), v⁺ = v/(1+d) + Σ_j (σ_j⁺ − ρ_j) over those received, ρ_j⁺ = σ_j⁺: running sums, not shares.

    d others receive from the agent, and v = (s, w) is what it holds as in `PushSum`: x = s/w. An agent that misses a
    message gets all of it by the next that arrives, so that nothing is lost though no agent knows which of its messages
    were; Σ_k v_k + Σ (σ_j − ρ_kj), what is held and what is under way, never changes. An agent needs to know
    only the number of its receivers. It reaches Σ p_k x_k of the agents' own optima x_k, not the optimum of F. Running
    sums grow with the rounds, and their rounding with them: in float64 to 1e-11 of the answer after 6000.

    >>> import accord, networkx
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> graph = networkx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
    >>> network = accord.networks.from_networkx(graph).lose(0.3)
    >>> answer = accord.run(problem, RobustPushSum(), network=network, stop=accord.Stop(rounds=150))
    >>> float(answer.x.round(6))
    2.25

    Source: Hadjicostis, Vaidya, Domínguez-García 2016, Robust distributed average consensus via exchange of running
    sums.
    """

    needs: ClassVar = ("prox",)
    weights: ClassVar = "column stochastic"
    bears: ClassVar = ("lose", "sleep")
    exact: ClassVar = "the weighted mean of the agents' own optima"
    reference: ClassVar = "Hadjicostis, Vaidya, Domínguez-García 2016"

    def init(self, x: Array, agent: Any, places: Places, key: Array) -> State:
        v = jnp.concatenate(local_optimum(x, agent))
        return State(
            v, 0 * v, jnp.zeros((len(places.hears), len(v)), x.dtype), jnp.where(places.heard_by, 1, 0 * v[-1])
        )

    def messages(self, state: State) -> Message:
        sigma = state.sigma + self._part(state)
        return Message(jnp.broadcast_to(sigma, (len(state.listeners), len(sigma))))

    def update(self, state: State, heard: Message, present: Array, agent: Any, key: Array) -> State:
        part, new = self._part(state), present[:, None]
        v = part + jnp.sum(jnp.where(new, heard.sigma - state.rho, 0), 0)
        return state._replace(v=v, sigma=state.sigma + part, rho=jnp.where(new, heard.sigma, state.rho))

    def estimate(self, state: State) -> Array:
        return WeightedSum(state.v[:-1], state.v[-1:]).mean

    def work(self, size: float) -> float:
        return 0.0

    def _part(self, state: State) -> Array:
        return state.v / (1 + jnp.sum(state.listeners))
