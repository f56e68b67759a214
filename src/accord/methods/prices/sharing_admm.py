"""Sharing ADMM: the market maker holds what the agents may take together, and prices follow by projection."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ = ρ u
    surplus: Array  # r: the mean of A_k x_k − b/K
    z: Array  # the mean that the constraint allows: 0 for ==, at most 0 for ≤
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==
    agents: Array  # K


class Heard(NamedTuple):
    price: Array
    excess: Array  # r − z


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K


class Client(NamedTuple):
    x: Array  # own decision


@method
class SharingADMM:
    """x_k⁺ = argmin f_k + λᵀA_k x + ρ/2 ‖A_k x − A_k x_k + r − z‖², z⁺ = Π(r⁺ + λ/ρ), λ⁺ = λ + ρ (r⁺ − z⁺).

    r is the mean of A_k x_k − b/K and Π the projection on what is shared: 0 for ==, v ↦ min(v, 0) for ≤. It is
    ExchangeADMM for ==, while for ≤ the prices are never negative, so that every price gives a bound on the cost.

    - `penalty`: ρ > 0, any; when not given, the geometric mean of the agents' curvatures over the largest of
      A_k A_kᵀ, and with bounds at least 0.3 K P/V, of the largest marginal cost and of what is missing at the start.

    >>> import accord, numpy as np
    >>> rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]  # each wants ½(x−c)², 6 may be had
    >>> answer = accord.run(accord.Coupled(accord.problems.objectives.Quadratic(), rows, [1.0] * 3, 6.0, sense="<="),
    ...                     SharingADMM(), stop=accord.Stop(rounds=200))
    >>> answer.prices.round(6).tolist(), answer.x.ravel().round(6).tolist()
    ([1.0], [0.0, 1.0, 5.0])

    Source: Boyd, Parikh, Chu, Peleato, Eckstein 2011, §7.3.
    """

    penalty: float | None = None

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    reference: ClassVar = "Boyd et al. 2011, §7.3"
    rules: ClassVar = {
        "penalty": Rule("max(√(μL)/‖A‖², 0.3 K P/V with bounds), √(μL) being L/10 where μ = 0", lambda c: c.penalty)
    }

    def init(self, x: Any) -> Server:
        nothing = jnp.zeros_like(x.price)
        return Server(x.price, nothing, nothing, x.floor, x.agents)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.price, server.surplus - server.z)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        target = agent.contribution(client.x) - agent.contribution(jnp.zeros_like(client.x)) - heard.excess
        x = agent.best_response(heard.price, self.penalty, target)
        return Reply(agent.contribution(x)), Client(x)

    def update(self, server: Server, reply: Reply) -> Server:
        r = reply.surplus / server.agents
        allowed = jnp.minimum(r + server.price / self.penalty, 0)
        z = jnp.where(jnp.isfinite(server.floor), allowed, 0)
        return server._replace(price=server.price + self.penalty * (r - z), surplus=r, z=z)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
