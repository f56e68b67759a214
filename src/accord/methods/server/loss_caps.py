"""Loss caps: fairness as a constraint, with a price for every client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    penalty: Array  # ρ


class Client(NamedTuple):
    price: Array  # ν_k = λ_k / p_k
    cap: Array  # c_k


class Reply(NamedTuple):
    g: Array  # (1 + w_k) ∇f_k
    weight: Array  # 1 + w_k, how often the curvature of f_k counts
    capped: Array  # ‖∇f_k‖² where the cap binds: of the curvature that the penalty adds
    square: Array  # ‖∇f_k‖²


@method
class LossCaps:
    """Minimise F subject to f_k(x) ≤ c_k for every client of positive weight, by linearised augmented Lagrangians.

    ν_k⁺ = [ν_k + ρ (f_k(x) − c_k)]₊, w_k = [ν_k⁺ + ρ (f_k(x) − c_k)]₊, x⁺ = x − a_t Σ p_k (1 + w_k) ∇f_k(x).

    Each client keeps its own multiplier. `Run.prices` are λ_k = p_k ν_k, the prices of fairness: F would fall by λ_k
    for one more unit that client k is allowed to lose. The step is what the curvature of the round allows,
    1/a_t = Σ p_k (1 + w_k)/a + ρ Σ_{w_k > 0} p_k ‖∇f_k‖², and ρ = 1/(a Σ p_k ‖∇f_k‖²) gives both terms the same weight.

    - `cap`: the most that clients may lose: one number for all, an array of one a client, or a dict by name, in which
      who is missing has none; None for no cap. `step_size`: a ≤ 1/L.

    Where no x meets the caps, the prices grow without bound; the run then names the least cap possible.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0])
    >>> run = accord.run(problem, LossCaps(cap=1.28), stop=accord.Stop(rounds=120, progress=0))
    >>> float(run.x.round(6)), run.prices.round(6).tolist()
    (1.4, [0.0, 0.0, 0.25])

    Source: Hestenes 1969; Powell 1969; Rockafellar 1973, for inequalities; Shen et al. 2022, as fairness.
    """

    cap: Array | Mapping[str, float] | float | None = None
    step_size: float | None = None

    needs: ClassVar = ("value", "grad")
    partial: ClassVar = False
    free_objective: ClassVar = True
    each: ClassVar = ("cap",)
    reference: ClassVar = "Rockafellar 1973, The multiplier method; Shen, Lou, Xu, Xu, Zhao 2022"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(jnp.zeros((), x.dtype), jnp.asarray(jnp.inf if self.cap is None else self.cap, x.dtype))

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        f, g = agent.value(heard.x), agent.grad(heard.x)
        rise = jnp.where(jnp.isfinite(client.cap), heard.penalty * (f - client.cap), 0)
        price = jnp.maximum(client.price + rise, 0)
        w, square = jnp.maximum(price + rise, 0), jnp.vdot(g, g)
        return Reply((1 + w) * g, 1 + w, jnp.where(w > 0, square, 0), square), client._replace(price=price)

    def update(self, server: Server, reply: Reply) -> Server:
        a = 1 / (reply.weight / self.step_size + server.penalty * reply.capped)
        scale = self.step_size * reply.square
        return Server(server.x - a * reply.g, jnp.where(scale > 0, 1 / jnp.where(scale > 0, scale, 1), server.penalty))

    def proposal(self, heard: Server, reply: Reply, client: Client) -> Array:
        return heard.x

    def price(self, client: Client) -> Array:
        return client.price
