"""CLIMB: no client may lose much more than the average, and each has a price."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    mean: Array  # F(x), foretold from the round before: F(x_old) + ∇F(x_old)ᵀ(x − x_old)
    penalty: Array  # ρ


class Client(NamedTuple):
    price: Array  # ν_k = λ_k / p_k


class Reply(NamedTuple):
    g: Array  # ∇f_k
    wg: Array  # w_k ∇f_k
    w: Array
    loss: Array  # f_k
    capped: Array  # ‖∇f_k‖² where the cap binds: of the curvature that the penalty adds
    square: Array  # ‖∇f_k‖²


@method
class CLIMB:
    """Minimise F subject to f_k(x) ≤ F(x) + ε for every client of positive weight: a cap relative to the mean.

    ν_k⁺ = [ν_k + ρ (f_k(x) − F(x) − ε)]₊, w_k = [ν_k⁺ + ρ (f_k(x) − F(x) − ε)]₊, w̄ = Σ p_k w_k,
    x⁺ = x − a_t Σ p_k (1 + w_k − w̄) ∇f_k(x): weights that sum to one, and may be negative.

    `Run.prices` are λ_k = p_k ν_k, the prices of fairness. A client knows F(x) no sooner than all have answered, so the
    server foretells it to first order. Steps and ρ are chosen from the round's curvature, as by LossCaps.

    - `excess`: ε, how much more than the mean a client may lose; None for no cap. `step_size`: a ≤ 1/L.

    The caps are not convex: where it comes to rest it meets the conditions of Karush, Kuhn and Tucker, and where no x
    nearby meets the caps, the prices grow without bound.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0])
    >>> run = accord.run(problem, CLIMB(excess=0.3), stop=accord.Stop(rounds=150, progress=0))
    >>> float(run.x.round(6)), run.prices.round(6).tolist()  # f₃ − F = 3 − 2x
    (1.35, [0.0, 0.0, 0.175])

    Source: Shen, Lou, Xu, Xu, Zhao 2022, An agnostic approach to federated learning with class imbalance.
    """

    excess: float | None = None
    step_size: float | None = None

    needs: ClassVar = ("value", "grad")
    partial: ClassVar = False
    free_objective: ClassVar = True
    may_be_zero: ClassVar = ("excess",)
    reference: ClassVar = "Shen et al. 2022, An agnostic approach to federated learning with class imbalance"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((), x.dtype), jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(jnp.zeros((), x.dtype))

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        f, g = agent.value(heard.x), agent.grad(heard.x)
        rise = jnp.zeros_like(f) if self.excess is None else heard.penalty * (f - heard.mean - self.excess)
        price = jnp.maximum(client.price + rise, 0)
        w, square = jnp.maximum(price + rise, 0), jnp.vdot(g, g)
        return Reply(g, w * g, w, f, jnp.where(w > 0, square, 0), square), Client(price)

    def update(self, server: Server, reply: Reply) -> Server:
        a = 1 / ((1 + 2 * reply.w) / self.step_size + 4 * server.penalty * reply.capped)
        move = -a * (reply.g + reply.wg - reply.w * reply.g)
        scale = self.step_size * reply.square
        rho = jnp.where(scale > 0, 1 / jnp.where(scale > 0, scale, 1), server.penalty)
        return Server(server.x + move, reply.loss + jnp.vdot(reply.g, move), rho)

    def proposal(self, heard: Server, reply: Reply, client: Client) -> Array:
        return heard.x

    def price(self, client: Client) -> Array:
        return client.price
