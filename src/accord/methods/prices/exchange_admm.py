"""Exchange ADMM: prices with a quadratic pull towards balance."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.base import Rule, method


class Server(NamedTuple):
    price: Array  # λ = ρ u
    surplus: Array  # r: the mean of A_k x_k − b/K over the agents, the slack of ≤ among them
    slack: Array  # z ≥ 0, what a row of ≤ leaves unused: one more agent of the exchange, kept here
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==
    agents: Array  # K


class Heard(NamedTuple):
    price: Array
    surplus: Array


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K


class Client(NamedTuple):
    x: Array  # own decision


@method
class ExchangeADMM:
    """x_k = argmin f_k + λᵀA_k x + ρ/2 ‖A_k x − A_k x_k + r‖², then λ⁺ = λ + ρ r⁺, r = mean(A_k x_k) − b/K.

    For Σ A_k x_k ≤ b the server holds the slack: one more agent of the exchange, whose best response is closed.

    - `penalty`: ρ > 0, any; the geometric mean of the agents' curvatures when not given.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> answer = accord.run(market, ExchangeADMM(), stop=accord.Stop(rounds=200))
    >>> answer.prices.round(6).tolist()
    [8.5]

    Source: Boyd, Parikh, Chu, Peleato, Eckstein 2011, §7.3.2.
    """

    penalty: float | None = None

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    reference: ClassVar = "Boyd et al. 2011, §7.3.2"
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10 or 1)}

    def init(self, x: Any) -> Server:
        return Server(x.price, jnp.zeros_like(x.price), jnp.zeros_like(x.price), x.floor, x.agents)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.price, server.surplus)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        target = agent.contribution(client.x) - agent.contribution(jnp.zeros_like(client.x)) - heard.surplus
        x = agent.best_response(heard.price, self.penalty, target)
        return Reply(agent.contribution(x)), Client(x)

    def update(self, server: Server, reply: Reply) -> Server:
        unequal = jnp.isfinite(server.floor)
        best_slack = jnp.maximum(server.slack - server.surplus - server.price / self.penalty, 0)
        slack = jnp.where(unequal, best_slack, 0)
        r = (reply.surplus + slack) / (server.agents + unequal.astype(slack.dtype))
        return server._replace(price=server.price + self.penalty * r, surplus=r, slack=slack)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
