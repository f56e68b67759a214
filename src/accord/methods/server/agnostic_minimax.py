"""Agnostic federated learning: the best worst case over the clients, in the last iterate."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    level: Array  # s, which no loss is to exceed
    penalty: Array  # ρ; 0 before the first round


class Client(NamedTuple):
    price: Array  # ν_k = λ_k / p_k
    allowance: Array  # c_k


class Reply(NamedTuple):
    g: Array  # w_k ∇f_k
    weight: Array  # w_k
    loss: Array  # f_k − c_k; 0 of who has no level
    capped: Array  # 1 where the level binds
    steep: Array  # ‖∇f_k‖² where the level binds
    square: Array  # ‖∇f_k‖²


@method
class AgnosticMinimax:
    """min_x max_{λ in the simplex} Σ λ_k f_k(x) over the clients of positive weight, as min s subject to f_k(x) ≤ s.

    ν_k⁺ = [ν_k + ρ (f_k(x) − s)]₊, w_k = [ν_k⁺ + ρ (f_k(x) − s)]₊,
    x⁺ = x − a_t Σ p_k w_k ∇f_k(x), s⁺ = s − b_t (1 − Σ p_k w_k): linearised augmented Lagrangians.

    Descent-ascent on x and λ comes to rest only on average over the rounds; this does in its last iterate.
    `Run.prices` is the worst mixture, λ_k = p_k ν_k, which sums to one. Steps are what the round's curvature allows,
    1/a_t = Σ p_k w_k/a + 2ρ Σ_{w_k > 0} p_k ‖∇f_k‖², 1/b_t = 2ρ Σ_{w_k > 0} p_k, and ρ = 1/(a Σ p_k ‖∇f_k‖²).

    - `step_size`: a ≤ 1/L. `allowance`: c_k, how much more than s client k may lose: min_x max_k (f_k(x) − c_k) then.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0])
    >>> run = accord.run(problem, AgnosticMinimax(), stop=accord.Stop(rounds=120, progress=0))
    >>> float(run.x.round(6)), run.prices.round(6).tolist(), run.losses.round(6).tolist()
    (1.5, [0.25, 0.25, 0.5], [1.125, 1.125, 1.125])

    Source: Mohri, Sivek, Suresh 2019, Agnostic federated learning; Rockafellar 1973, for the multipliers.
    """

    step_size: float | None = None
    allowance: Array | Any = 0.0

    needs: ClassVar = ("value", "grad")
    partial: ClassVar = False
    free_objective: ClassVar = True
    each: ClassVar = ("allowance",)
    may_be_zero: ClassVar = ("allowance",)
    minimises: ClassVar = "max_k f_k"
    reference: ClassVar = "Mohri, Sivek, Suresh 2019, Agnostic federated learning"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((), x.dtype), jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        allowance = jnp.asarray(self.allowance, x.dtype)
        return Client(jnp.where(jnp.isfinite(allowance), 1, 0).astype(x.dtype), allowance)

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        f, g = agent.value(heard.x), agent.grad(heard.x)
        bounded = jnp.isfinite(client.allowance)
        f = jnp.where(bounded, f - jnp.where(bounded, client.allowance, 0), 0)
        rise = jnp.where(bounded, heard.penalty * (f - heard.level), 0)
        price = jnp.maximum(client.price + rise, 0)
        w, square = jnp.maximum(price + rise, 0), jnp.vdot(g, g)
        bound = (w > 0).astype(f.dtype)
        return Reply(w * g, w, f, bound, bound * square, square), client._replace(price=price)

    def update(self, server: Server, reply: Reply) -> Server:
        x, s, rho = server
        a = _inverse(reply.weight / self.step_size + 2 * rho * reply.steep)
        b = _inverse(
            2 * rho * jnp.maximum(reply.capped, 1 / 8)
        )  # where hardly a level binds, s falls no faster than this
        level = jnp.where(rho > 0, s - b * (1 - reply.weight), reply.loss)  # from the mean loss at first
        scale = self.step_size * reply.square
        return Server(x - a * reply.g, level, jnp.where(scale > 0, _inverse(scale), rho))

    def proposal(self, heard: Server, reply: Reply, client: Client) -> Array:
        return heard.x

    def price(self, client: Client) -> Array:
        return client.price


def _inverse(v: Array) -> Array:
    """1/v, and 0 where v is 0."""
    return jnp.where(v > 0, 1 / jnp.where(v > 0, v, 1), 0)
