"""Tracking ADMM: prices without a market maker."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.base import Rule, method


class State(NamedTuple):
    x: Array  # own decision
    d: Array  # tracks the mean of A_k x_k − b/K, the violation over K
    price: Array  # λ, the agent's own price


class Message(NamedTuple):
    d: Array
    price: Array


@method
class TrackingADMM:
    """x⁺ = argmin f + lᵀA x' + c/2 ‖A x' − A x + e‖² with e = W d, l = W λ; d⁺ = e + A x⁺ − A x, λ⁺ = l + c d⁺.

    Every agent has a price of its own, and an estimate d of the violation that follows what it and its neighbours do;
    the neighbours average both. Each round Σ d_k = Σ A_k x_k − b, whatever the network. For couplings with ==.

    - `penalty`: c > 0, any; the geometric mean of the agents' curvatures, over the largest of A_k A_kᵀ, when not given.

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
    equalities: ClassVar = True
    reference: ClassVar = "Falsone, Notarnicola, Notarstefano, Prandini 2020"
    rules: ClassVar = {
        "penalty": Rule(
            "√(μL)/‖A‖², or L/(10‖A‖²) where μ = 0", lambda c: ((c.mu * c.L) ** 0.5 or c.L / 10 or 1) / c.A_max
        )
    }

    def init(self, x: Array, agent: Any, key: Array) -> State:
        d = agent.contribution(x)
        return State(x, d, 0 * d)

    def message(self, state: State) -> Message:
        return Message(state.d, state.price)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        before = agent.contribution(state.x)
        target = before - agent.contribution(0 * state.x) - mixed.d
        x = agent.best_response(mixed.price, self.penalty, target)
        d = mixed.d + agent.contribution(x) - before
        return State(x, d, mixed.price + self.penalty * d)
