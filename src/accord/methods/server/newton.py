"""Newton's method: clients send their Hessians, and the server solves."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.shared.second_order import direction, falls, packed, unpacked
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # where the clients are asked next
    base: Array  # where the step to x began
    p: Array  # its direction
    s: Array  # its length
    f: Array  # F at the base
    slope: Array  # ∇F(base)ᵀp
    t: Array  # rounds so far


class Heard(NamedTuple):
    x: Array


class Reply(NamedTuple):
    f: Array  # f_k(x)
    g: Array  # ∇f_k(x)
    H: Array  # ∇²f_k(x), its upper triangle


@method
class Newton:
    """x⁺ = x − s (Σ p_k ∇²f_k(x) + λI)⁻¹ Σ p_k ∇f_k(x), with s = 1 unless F then rises.

    s is halved where the next round's F breaks Armijo's rule, and that round is lost; λ = 0 where the Hessian is
    positive definite, and else is doubled until it is with λ (Levenberg). A quadratic takes one round, a generalised
    linear model four to six; each sends d(d+3)/2 + 1 numbers up, and counts as d + 1 gradients. A term without a
    gradient is refused.

    A Hessian reveals more of rows than a gradient does: of a single row it is the row.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, Newton(), stop=accord.Stop(rounds=1)).x.round(12))
    0.909090909091

    Source: Nocedal, Wright 2006, Numerical optimization, chapter 3; Armijo 1966; Levenberg 1944.
    """

    needs: ClassVar = ("value", "grad", "hessian")
    partial: ClassVar = False
    dimensions: ClassVar = 2000
    free_objective: ClassVar = True
    reference: ClassVar = "Nocedal, Wright 2006, Numerical optimization, chapter 3"

    def init(self, x: Array) -> Server:
        zero = jnp.zeros((), x.dtype)
        return Server(x, x, jnp.zeros_like(x), zero, zero, zero, jnp.zeros((), jnp.int32))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        x = heard.x
        return Reply(agent.value(x), agent.grad(x), packed(agent.hessian(x))), client

    def update(self, server: Server, reply: Reply) -> Server:
        short = falls(reply.f, reply.g @ server.p, server.f, server.slope, server.s) | (server.t == 0)
        p = direction(unpacked(reply.H, len(reply.g)), reply.g)
        on = Server(server.x + p, server.x, p, jnp.ones_like(reply.f), reply.f, reply.g @ p, server.t + 1)
        s = server.s / 2
        back = server._replace(x=server.base + s * server.p, s=s, t=server.t + 1)
        return jax.tree.map(lambda new, old: jnp.where(short, new, old), on, back)

    def proposal(self, heard: Heard, reply: Reply, client: tuple[()]) -> Array:
        return heard.x  # a client proposes no model of its own: all clients hold what was broadcast
