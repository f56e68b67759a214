"""Accelerated dual ascent: prices with momentum, which is dropped when it points the wrong way."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ, the dual variable
    y: Array  # the extrapolated price, which is announced
    t: Array  # Nesterov's sequence
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==


class Heard(NamedTuple):
    y: Array


class Reply(NamedTuple):
    surplus: Array  # A_k x_k − b/K


class Client(NamedTuple):
    x: Array  # own decision


@method
class AcceleratedDual:
    """λ⁺ = y + a (Σ A_k x_k − b) with x_k = argmin f_k + yᵀA_k x; y⁺ = λ⁺ + (t−1)/t⁺ (λ⁺ − λ), t⁺ = (1 + √(1+4t²))/2.

    λ ≥ 0 where the constraint is ≤. The momentum restarts, t = 1, whenever ⟨y − λ⁺, λ⁺ − λ⟩ > 0, as
    it then points downhill. Rounds grow with √κ of the dual, where those of DualDecomposition grow with κ.

    - `step_size`: a ≤ 1/L_d, L_d = λ_max(Σ A_k A_kᵀ / μ_k); from 4/(3 L_d) on, where momentum diverges, it is refused.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> answer = accord.run(market, AcceleratedDual(), stop=accord.Stop(rounds=200))
    >>> answer.prices.round(6).tolist(), answer.x.ravel().round(4).tolist()
    ([8.5], [400.0, 250.0, 150.0])

    Source: Beck, Teboulle 2009, A fast iterative shrinkage-thresholding algorithm; O'Donoghue, Candès 2015 (restart).
    """

    step_size: float | None = None

    needs: ClassVar = ("best_response",)
    aggregate: ClassVar = "sum"
    partial: ClassVar = False
    convexity: ClassVar = "strong at every agent"
    reference: ClassVar = "Beck, Teboulle 2009; O'Donoghue, Candès 2015"
    rules: ClassVar = {"step_size": Rule("1/L_d", lambda c: 1 / c.L_dual)}
    limits: ClassVar = {"step_size": Rule("4/(3 L_d)", lambda c: 4 / (3 * c.L_dual))}

    def init(self, x: Any) -> Server:
        return Server(x.price, x.price, jnp.ones_like(x.agents), x.floor)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.y)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        x = agent.best_response(heard.y)
        return Reply(agent.contribution(x)), Client(x)

    def update(self, server: Server, reply: Reply) -> Server:
        price = jnp.maximum(server.y + self.step_size * reply.surplus, server.floor)
        restart = jnp.vdot(server.y - price, price - server.price) > 0
        t = jnp.where(restart, 1, (1 + jnp.sqrt(1 + 4 * server.t**2)) / 2).astype(server.t.dtype)
        momentum = jnp.where(restart, 0, (server.t - 1) / t)
        return server._replace(price=price, y=price + momentum * (price - server.price), t=t)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
