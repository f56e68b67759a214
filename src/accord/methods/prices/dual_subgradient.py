"""Dual subgradient ascent: steps that shrink, and decisions that are averaged, for costs with flat parts."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.shared.suffix_average import Spans, empty
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ, the dual variable
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==
    t: Array  # round, from 1
    turn: Array  # the next power of two


class Heard(NamedTuple):
    price: Array
    weight: Array  # 1/√t, of this round's answer in the average
    turn: Array  # whether a new span of the average begins


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K at this round's answer


class Client(NamedTuple):
    x: Array  # the average of the last two spans: own decision
    spans: Spans


@method
class DualSubgradient:
    """λ⁺ = λ + a/√t (Σ A_k x_k(λ) − b); λ ≥ 0 where the constraint is ≤. The decision is the average of the x_k(λ_s).

    Where f_k has flat parts, as in a linear programme, x_k(λ) jumps and never settles, though the prices do; the
    average Σ x_k(λ_s)/√s / Σ 1/√s does too, with a violation
    of the order of 1/√t. It runs over the last two spans, which begin
    at the powers of two: from a half to three quarters of all rounds, so that a bad beginning is forgotten.

    - `step_size`: a > 0, any; about how far the price may be from its start, over the size of the violation. When not
      given and every f_k is strongly convex 4/L_d, which is within the limit 2/L_d of a constant step from round 5 on;
      where a cost has flat parts or decisions bounds, at least P/V, the largest marginal cost over what is missing at
      the start.

    >>> import accord
    >>> plants = accord.problems.dispatch([0, 0, 0], [10, 20, 30], 0, lower=0, upper=[40, 40, 40], demand=60)
    >>> answer = accord.run(plants, DualSubgradient(step_size=1.0), stop=accord.Stop(rounds=4000, progress=0))
    >>> answer.prices.round().tolist(), answer.x.ravel().round().tolist()
    ([20.0], [40.0, 20.0, 0.0])

    Source: Shor 1985, Minimization methods for non-differentiable functions; Nedić, Ozdaglar 2009 (the average).
    """

    step_size: float | None = None

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    reference: ClassVar = "Shor 1985; Nedić, Ozdaglar 2009"
    rules: ClassVar = {
        "step_size": Rule(
            "4/L_d, or P/V where that is more and a cost has flat parts or decisions bounds",
            lambda c: max(4 / c.L_dual, c.climb if c.bounded or math.isinf(c.L_dual) else 0.0),
        )
    }

    def init(self, x: Any) -> Server:
        one = jnp.ones_like(x.agents)
        return Server(x.price, x.floor, one, one)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x, empty(x))

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.price, 1 / jnp.sqrt(server.t), (server.t == server.turn).astype(server.t.dtype))

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        x = agent.best_response(heard.price)
        spans = client.spans.add(x, heard.weight, heard.turn > 0)
        return Reply(agent.contribution(x)), Client(spans.mean, spans)

    def update(self, server: Server, reply: Reply) -> Server:
        price = jnp.maximum(server.price + self.step_size / jnp.sqrt(server.t) * reply.surplus, server.floor)
        turn = jnp.where(server.t == server.turn, 2 * server.turn, server.turn)
        return server._replace(price=price, t=server.t + 1, turn=turn)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
