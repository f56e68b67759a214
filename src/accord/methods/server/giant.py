"""GIANT: clients average their own Newton directions for the common gradient."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.methods.shared.second_order import conjugate_gradients, falls
from accord.methods.traits import method

STEPS = np.array([0.0, *0.5 ** np.arange(8.0)])
"""s that are tried, after none at all."""


class Server(NamedTuple):
    x: Array  # iterate
    v: Array  # the gradient there, and then the direction
    phase: Array  # which of the three is asked next


class Reply(NamedTuple):
    v: Array  # ∇f_k(x); (∇²f_k(x))⁻¹ g
    f: Array  # f_k(x − s d) for every s
    slope: Array  # its derivatives by s


@method
class GIANT:
    """g = Σ p_k ∇f_k(x); d = Σ p_k (∇²f_k(x))⁻¹ g; x⁺ = x − s d: three rounds, and vectors only.

    s is the one of 1, ½, ..., 1/128 at which F along d is flattest, of those that fulfil Armijo's rule: F and its slope
    at all of them are one more sum. Each client solves for its direction by conjugate gradients.

    - `iterations`: of conjugate gradients, at most.

    It takes each client's Hessian for that of all. With many like rows a client that is nearly so, and it is as quick
    as Newton's method; with unlike clients the steps are short, and it may be slower than a first-order method.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0], c=[0.0, 3.0])
    >>> float(accord.run(problem, GIANT(), stop=accord.Stop(rounds=90, progress=0)).x.round(9))
    2.0

    Source: Wang, Roosta-Khorasani, Xu, Mahoney 2018, GIANT: Globally improved approximate Newton method.
    """

    iterations: int = 50

    needs: ClassVar = ("value", "grad", "hessian")
    partial: ClassVar = False
    reference: ClassVar = "Wang, Roosta-Khorasani, Xu, Mahoney 2018, GIANT"

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros_like(x), jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        x, v, phase = heard
        nothing = jnp.zeros(len(STEPS), x.dtype)

        def along(s: Array) -> tuple[Array, Array]:
            return agent.value(x - s * v), -jnp.vdot(agent.grad(x - s * v), v)

        asked = (
            lambda: Reply(agent.grad(x), nothing, nothing),
            lambda: Reply(conjugate_gradients(agent.hvp(x), v, self.iterations), nothing, nothing),
            lambda: Reply(jnp.zeros_like(x), *jax.lax.map(along, jnp.asarray(STEPS, x.dtype))),
        )
        return jax.lax.switch(phase.astype(jnp.int32), asked), client

    def update(self, server: Server, reply: Reply) -> Server:
        s = jnp.asarray(STEPS, reply.f.dtype)
        fits = falls(reply.f, reply.slope, reply.f[0], reply.slope[0], s).at[0].set(False)
        best = s[jnp.argmin(jnp.where(fits, jnp.abs(reply.slope), jnp.inf))]  # none at all where none of them fits
        x = jnp.where(server.phase == 2, server.x - best * server.v, server.x)
        return Server(x, reply.v, (server.phase + 1) % 3)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x

    def work(self, size: float) -> float:
        return (1 + 2 * self.iterations + len(STEPS)) / 3
