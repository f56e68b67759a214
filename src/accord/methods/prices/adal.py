"""ADAL: every agent minimises the augmented Lagrangian on its own, and goes part of the way."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ, the dual variable
    surplus: Array  # r = Σ A_k x_k + s − b
    slack: Array  # s ≥ 0, what a row of ≤ leaves unused: one more agent, kept here
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==


class Heard(NamedTuple):
    price: Array
    surplus: Array


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K


class Client(NamedTuple):
    x: Array  # own decision


@method
class ADAL:
    """x̂_k = argmin f_k + λᵀA_k x + ρ/2 ‖A_k x + Σ_{j≠k} A_j x_j − b‖², x_k⁺ = x_k + τ (x̂_k − x_k), λ⁺ = λ + ρτ r⁺.

    All agents answer at once to where the others were, and the damping τ makes up for it: r = Σ A_k x_k − b.
    For Σ A_k x_k ≤ b the server holds the slack, one more agent, whose best response is closed.

    - `penalty`: ρ > 0, any; when not given, the geometric mean of the agents' curvatures over the largest of
      A_k A_kᵀ, and with bounds at least 0.3 K P/V, of the largest marginal cost and of what is missing at the start.
    - `damping`: τ < 1/q, q the most agents that any row of the constraint joins, the slack included.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> answer = accord.run(market, ADAL(), stop=accord.Stop(rounds=400))
    >>> answer.prices.round(6).tolist(), answer.x.ravel().round(4).tolist()
    ([8.5], [400.0, 250.0, 150.0])

    Source: Chatzipanagiotis, Dentcheva, Zavlanos 2015, An augmented Lagrangian method for distributed optimization.
    """

    penalty: float | None = None
    damping: float | None = None

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    reference: ClassVar = "Chatzipanagiotis, Dentcheva, Zavlanos 2015"
    rules: ClassVar = {
        "penalty": Rule("max(√(μL)/‖A‖², 0.3 K P/V with bounds), √(μL) being L/10 where μ = 0", lambda c: c.penalty),
        "damping": Rule("0.9/q", lambda c: 0.9 / c.degree),
    }
    limits: ClassVar = {"damping": Rule("1/q", lambda c: 1 / c.degree)}

    def init(self, x: Any) -> Server:
        nothing = jnp.zeros_like(x.price)
        return Server(x.price, nothing, nothing, x.floor)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.price, server.surplus)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        target = agent.contribution(client.x) - agent.contribution(jnp.zeros_like(client.x)) - heard.surplus
        best = agent.best_response(heard.price, self.penalty, target)
        x = client.x + self.damping * (best - client.x)
        return Reply(agent.contribution(x)), Client(x)

    def update(self, server: Server, reply: Reply) -> Server:
        best = jnp.maximum(server.slack - server.surplus - server.price / self.penalty, 0)
        slack = jnp.where(jnp.isfinite(server.floor), server.slack + self.damping * (best - server.slack), 0)
        surplus = reply.surplus + slack
        price = server.price + self.penalty * self.damping * surplus
        return server._replace(price=price, surplus=surplus, slack=slack)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
