"""DANE: each client solves its own problem, tilted to the common gradient."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    g: Array  # the common gradient there
    solving: Array  # 1 where g is known and clients solve, 0 where they are asked for it


class Reply(NamedTuple):
    v: Array  # ∇f_k(x), and then x_k − x


@method
class DANE:
    """g = Σ p_k ∇f_k(x); x_k = argmin f_k(y) − (∇f_k(x) − η g)ᵀy + m/2 ‖y − x‖²; x⁺ = Σ p_k x_k: two rounds.

    Each client takes the curvature of its own f_k for that of F. Where the Hessians differ by δ it needs m of about
    2δ, or it diverges; the more alike the clients are, the smaller m and the fewer the rounds.

    - `penalty`: m > 0; chosen from δ = √λ_max(Σ p_k (H_k − H)²) at x0, which is measured where m is not given.
    - `step_size`: η in (0, 1].

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0], c=[0.0, 3.0])
    >>> float(accord.run(problem, DANE(), stop=accord.Stop(rounds=90, progress=0)).x.round(9))
    2.0

    Source: Shamir, Srebro, Zhang 2014, Communication-efficient distributed optimization using an approximate
    Newton-type method.
    """

    penalty: float | None = None
    step_size: float = 1.0

    needs: ClassVar = ("grad", "prox")
    partial: ClassVar = False
    compares: ClassVar = True
    reference: ClassVar = "Shamir, Srebro, Zhang 2014"
    rules: ClassVar = {"penalty": Rule("2δ, at least L/1000", lambda c: max(2 * c.delta, 1e-3 * c.L))}

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros_like(x), jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        x, g, solving = heard

        def solved() -> Array:
            tilt = self.step_size * g - agent.grad(x)
            return agent.prox(x - tilt / self.penalty, self.penalty) - x

        return Reply(jax.lax.cond(solving > 0, solved, lambda: agent.grad(x))), client

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(server.x + server.solving * reply.v, reply.v, 1 - server.solving)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x + heard.solving * reply.v
