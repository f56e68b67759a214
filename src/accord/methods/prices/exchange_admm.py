"""Exchange ADMM: prices with a quadratic pull towards balance."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ
    step: Array  # r: by how much the price has just moved
    slack: Array  # z ≥ 0, what a row of ≤ leaves unused: one more agent of the exchange, kept here
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==


class Heard(NamedTuple):
    price: Array
    step: Array


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K
    give: Array  # 1/ρ_k in the rows where the agent has a say: how far it goes for a price


class Client(NamedTuple):
    x: Array  # own decision


@method
class ExchangeADMM:
    """x_k = argmin f_k + λᵀA_k x + ρ_k/2 ‖A_k x − A_k x_k + r/ρ_k‖², then λ⁺ = λ + r⁺, r = (Σ A_k x_k − b)/Σ 1/ρ_k.

    What is missing is divided among the agents of each row, in proportion to 1/ρ_k, and the price moves by as much as
    calls it forth. With one ρ for all, r is ρ times the mean violation.
    For Σ A_k x_k ≤ b the server holds the slack: one more agent of the exchange, whose best response is closed.

    - `penalty`: ρ > 0, any; when not given, the geometric mean of the agents' curvatures over the largest of
      A_k A_kᵀ, and with bounds at least 0.3 K P/V, of the largest marginal cost and of what is missing at the start.
    - `metric`: ρ_k = ρ + metric · tr(∇²f_k)/‖A_k‖² instead, for quadratic costs: who is stiff moves little. With
      metric = 2 and a small ρ the price takes about half of Newton's step, whatever the curvatures.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> answer = accord.run(market, ExchangeADMM(), stop=accord.Stop(rounds=200))
    >>> answer.prices.round(6).tolist()
    [8.5]

    Source: Boyd, Parikh, Chu, Peleato, Eckstein 2011, §7.3.2; Giselsson, Boyd 2017, Linear convergence and metric
    selection for Douglas–Rachford splitting and ADMM.
    """

    penalty: float | None = None
    metric: float = 0.0

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    may_be_zero: ClassVar = ("metric",)
    reference: ClassVar = "Boyd et al. 2011, §7.3.2"
    rules: ClassVar = {
        "penalty": Rule("max(√(μL)/‖A‖², 0.3 K P/V with bounds), √(μL) being L/10 where μ = 0", lambda c: c.penalty)
    }

    def init(self, x: Any) -> Server:
        nothing = jnp.zeros_like(x.price)
        return Server(x.price, nothing, nothing, x.floor)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.price, server.step)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        penalty = self.penalty + self.metric * agent.stiffness()
        target = agent.contribution(client.x) - agent.contribution(jnp.zeros_like(client.x)) - heard.step / penalty
        x = agent.best_response(heard.price, penalty, target)
        return Reply(agent.contribution(x), agent.share.active() / penalty), Client(x)

    def update(self, server: Server, reply: Reply) -> Server:
        unequal = jnp.isfinite(server.floor)
        best_slack = jnp.maximum(server.slack - (server.step + server.price) / self.penalty, 0)
        slack = jnp.where(unequal, best_slack, 0)
        give = reply.give + jnp.where(unequal, 1 / self.penalty, 0)
        step = (reply.surplus + slack) / give
        return server._replace(price=server.price + step, step=step, slack=slack)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
