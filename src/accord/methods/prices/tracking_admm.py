"""Tracking ADMM: prices without a market maker."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # own decision
    slack: Array  # s ≥ 0, what a row of ≤ leaves unused, the agent's part of it; 0 for ==
    d: Array  # tracks the mean of A_k x_k + s_k − b/K; of half of that for ≤
    price: Array  # λ, the agent's own price


class Message(NamedTuple):
    d: Array
    price: Array


@method
class TrackingADMM:
    """x⁺ = argmin f + lᵀA x' + c/2 ‖A x' − A x + e‖² with e = W d, l = W λ; d⁺ = e + A x⁺ − A x, λ⁺ = l + c d⁺.

    Every agent has a price of its own, and an estimate d of the violation that follows what it and its neighbours do;
    the neighbours average both. Each round Σ d_k = Σ A_k x_k − b, whatever the network.

    For Σ A_k x_k ≤ b every agent is two: itself and the keeper of a slack s ≥ 0 that costs nothing, of which
    each receives what the other sends. Both receive the same e and l, and the keeper's answer is closed, s⁺ = [s − e −
    l/c]₊; what the two send is averaged, d⁺ = e + ½ (A x⁺ − A x + s⁺ − s), which is the method among 2K agents over W ⊗
    (½, ½).

    - `penalty`: c > 0, any; when not given, the geometric mean of the agents' curvatures over the largest of
      A_k A_kᵀ, and with bounds at least 0.3 K P/V, of the largest marginal cost and of what is missing at the start.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> answer = accord.run(market, TrackingADMM(), network=accord.networks.path(3), stop=accord.Stop(rounds=400))
    >>> answer.prices.round(6).tolist(), answer.x.ravel().round(4).tolist()
    ([8.5], [400.0, 250.0, 150.0])

    Source: Falsone, Notarnicola, Notarstefano, Prandini 2020, Tracking-ADMM for distributed constraint-coupled
    optimization.
    """

    penalty: float | None = None

    needs: ClassVar = ("best_response",)
    weights: ClassVar = "doubly stochastic"
    reference: ClassVar = "Falsone, Notarnicola, Notarstefano, Prandini 2020"
    rules: ClassVar = {
        "penalty": Rule("max(√(μL)/‖A‖², 0.3 K P/V with bounds), √(μL) being L/10 where μ = 0", lambda c: c.penalty)
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        d = self._share(agent) * agent.contribution(x)
        return State(x, 0 * d, d, 0 * d)

    def message(self, state: State) -> Message:
        return Message(state.d, state.price)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        before = agent.contribution(state.x)
        target = before - agent.contribution(0 * state.x) - mixed.d
        x = agent.best_response(mixed.price, self.penalty, target)
        wanted = jnp.maximum(state.slack - mixed.d - mixed.price / self.penalty, 0)
        slack = jnp.where(jnp.isfinite(agent.share.floor), wanted, 0)
        d = mixed.d + self._share(agent) * (agent.contribution(x) - before + slack - state.slack)
        return State(x, slack, d, mixed.price + self.penalty * d)

    def _share(self, agent: Any) -> Array:
        """Return the agent's own part of what it sends: half where it keeps a slack besides."""
        return jnp.where(jnp.isfinite(agent.share.floor), 0.5, 1).astype(agent.share.floor.dtype)
