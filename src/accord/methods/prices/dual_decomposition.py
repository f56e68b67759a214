"""Dual decomposition: a market maker announces prices, agents answer with their best responses."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ, the dual variable
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==


class Heard(NamedTuple):
    price: Array


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K; these sum to the violation


class Client(NamedTuple):
    x: Array  # own decision


@method
class DualDecomposition:
    """λ⁺ = λ + a (Σ A_k x_k − b) with x_k = argmin f_k + λᵀA_k x; λ ≥ 0 where the constraint is ≤.

    - `step_size`: a < 2/L_d, L_d = λ_max(Σ A_k A_kᵀ / μ_k): a sharp limit while no decision is at a bound, and more is
      refused. Where a cost has flat parts L_d is infinite, no constant step is safe, and any is taken.

    It is infeasible until it converges: read `violation`, and `dual_value`, a lower bound on the optimal cost.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> answer = accord.run(market, DualDecomposition(), stop=accord.Stop(rounds=100))
    >>> answer.prices.round(6).tolist(), answer.x.ravel().round(4).tolist()
    ([8.5], [400.0, 250.0, 150.0])

    Source: Everett 1963; Boyd et al. 2011, §2.2; the case is Saadat 2010, example 7.4.
    """

    step_size: float | None = None

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    reference: ClassVar = "Everett 1963; Boyd et al. 2011"
    convexity: ClassVar = "strong at every agent"
    rules: ClassVar = {"step_size": Rule("1/L_d", lambda c: 1 / c.L_dual)}
    limits: ClassVar = {"step_size": Rule("2/L_d", lambda c: 2 / c.L_dual or math.inf)}

    def init(self, x: Any) -> Server:
        return Server(x.price, x.floor)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.price)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        x = agent.best_response(heard.price)
        return Reply(agent.contribution(x)), Client(x)

    def update(self, server: Server, reply: Reply) -> Server:
        return server._replace(price=jnp.maximum(server.price + self.step_size * reply.surplus, server.floor))

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
