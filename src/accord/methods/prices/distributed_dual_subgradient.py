"""Distributed dual subgradient ascent: prices without a market maker, for costs with flat parts too."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Convergence, Rate, Rule
from accord.methods.shared.suffix_average import Spans, empty
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # the average of the last two spans: own decision
    price: Array  # λ, the agent's own price
    spans: Spans
    t: Array  # round, from 1
    turn: Array  # the next power of two


class Message(NamedTuple):
    price: Array


@method
class DistributedDualSubgradient:
    """λ_k⁺ = l + a/√t (K A_k x_k(l) − b), l = W λ; λ ≥ 0 where the constraint is ≤. Decisions are averages of x_k(l_s).

    Every agent has a price of its own, takes the others to be like itself, and averages its price with its neighbours':
    the mean of the prices moves as with a market maker. The average decision Σ x_k(l_s)/√s / Σ 1/√s runs over
    the last two spans, which begin at the powers of two; it settles where x_k(l), as in a linear programme, jumps.

    - `step_size`: a > 0, any; about how far the price may be from its start, over the size of the violation. When not
      given and every f_k is strongly convex 2(1−σ)/L_d, so that prices differ the less the worse they mix; where a
      cost has flat parts or decisions bounds, at least (1−σ)P/(2V), of the largest marginal cost and of what is missing
      at the start.

    Steps that shrink are the price of agreeing on prices by averaging alone: the agents' differ by about a/√t, and so
    the distance to the optimum falls like 1/√t. `TrackingADMM`, which averages violations too, is exact sooner.

    >>> import accord
    >>> plants = accord.problems.dispatch([0, 0, 0], [10, 20, 30], 0, lower=0, upper=[40, 40, 40], demand=60)
    >>> method, path = DistributedDualSubgradient(step_size=0.2), accord.networks.path(3)
    >>> answer = accord.run(plants, method, network=path, stop=accord.Stop(rounds=4000, progress=0))
    >>> answer.prices.round().tolist(), answer.x.ravel().round().tolist()
    ([20.0], [40.0, 20.0, 0.0])

    Source: Falsone, Margellos, Garatti, Prandini 2017, Dual decomposition for multi-agent distributed optimization with
    coupling constraints.
    """

    step_size: float | None = None

    needs: ClassVar = ("best_response",)
    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "vary")
    exact: ClassVar = Convergence(rate=Rate(t=-0.5))
    reference: ClassVar = "Falsone, Margellos, Garatti, Prandini 2017"
    rules: ClassVar = {
        "step_size": Rule(
            "2(1−σ)/L_d, or (1−σ)P/(2V) where that is more and a cost has flat parts or decisions bounds",
            lambda c: (1 - c.sigma) / 2 * max(4 / c.L_dual, c.climb if c.bounded or math.isinf(c.L_dual) else 0.0),
        )
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        one = jnp.ones_like(agent.share.agents)
        return State(x, 0 * agent.contribution(x), empty(x), one, one)

    def message(self, state: State) -> Message:
        return Message(state.price)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x, turn, weight = agent.best_response(mixed.price), state.t == state.turn, 1 / jnp.sqrt(state.t)
        surplus = agent.share.agents * agent.contribution(x)
        price = jnp.maximum(mixed.price + self.step_size * weight * surplus, agent.share.floor)
        spans = state.spans.add(x, weight, turn)
        return State(spans.mean, price, spans, state.t + 1, jnp.where(turn, 2 * state.turn, state.turn))
