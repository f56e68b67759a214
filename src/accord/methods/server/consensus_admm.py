"""Consensus ADMM: proximal points pulled together by scaled dual variables, with a penalty that balances itself."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Regularizer, Rule
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # z, what all are to agree on
    step: Array  # ‖z − z_old‖², of the dual residual s = ρ‖z − z_old‖
    penalty: Array  # ρ
    before: Array  # ρ of the round before
    t: Array  # round


class Heard(NamedTuple):
    x: Array
    penalty: Array
    before: Array


class Client(NamedTuple):
    x: Array  # x_k, own model
    u: Array  # u_k, scaled dual variable


class Reply(NamedTuple):
    sum: Array  # x_k + u_k
    apart: Array  # ‖x_k − z‖², of the primal residual r
    size: Array  # ‖x_k‖², by which r is measured
    dual: Array  # ‖ρ u_k‖², by which s is measured


@method
class ConsensusADMM:
    """u_k⁺ = u_k + x_k − z, x_k⁺ = argmin f_k(x) + ρ/2 ‖x − z + u_k⁺‖², z⁺ = prox_{r/ρ}(Σ p_k (x_k⁺ + u_k⁺)).

    ρ doubles where the primal residual r is over ten times the dual one s, halves where it is under a tenth, and u_k is
    rescaled with it; in the first rounds only, so that it comes to rest and converges. Both are relative, so that units
    do not count: r² = Σ p_k ‖x_k − z‖² / max(Σ p_k ‖x_k‖², ‖z‖²), s² = ‖ρ (z − z_old)‖² / Σ p_k ‖ρ u_k‖².

    - `penalty`: ρ > 0, any; the geometric mean of the curvatures when not given.
    - `balancing`: how many rounds ρ is balanced; 0 for never.
    - `regularizer`: r, taken from the problem: the lasso's l1, a box, a simplex.

    >>> import accord, numpy as np
    >>> problem = accord.problems.lasso([(np.eye(2), np.array([1.0, 0.1])), (np.eye(2), np.array([2.0, -0.1]))], l1=0.1)
    >>> accord.run(problem, ConsensusADMM()).x.round(4).tolist()
    [1.3, 0.0]

    Source: Boyd, Parikh, Chu, Peleato, Eckstein 2011, §3.4.1 and §7.1; Wohlberg 2017, ADMM penalty parameter selection
    by residual balancing.
    """

    penalty: float | None = None
    balancing: int = 100
    regularizer: Regularizer | None = None

    needs: ClassVar = ("prox",)
    partial: ClassVar = False
    reference: ClassVar = "Boyd et al. 2011, §7.1"
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10)}
    may_be_zero: ClassVar = ("balancing",)

    def init(self, x: Array) -> Server:
        rho = jnp.asarray(self.penalty, x.dtype)
        return Server(x, jnp.zeros((), x.dtype), rho, rho, jnp.zeros((), jnp.int32))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x, jnp.zeros_like(x))

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x, server.penalty, server.before)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        z, rho, before = heard
        u = (client.u + client.x - z) * before / rho
        x = agent.prox(z - u, rho)
        square = lambda v: jnp.vdot(v, v)  # noqa: E731
        return Reply(x + u, square(client.x - z), square(client.x), square(rho * u)), Client(x, u)

    def update(self, server: Server, reply: Reply) -> Server:
        rho, v = server.penalty, reply.sum
        z = v if self.regularizer is None else self.regularizer.prox(v, 1 / rho)
        r = jnp.sqrt(reply.apart) * jnp.sqrt(reply.dual)  # both of the round before, times both of what they are by
        s = server.before * jnp.sqrt(server.step) * jnp.sqrt(jnp.maximum(reply.size, jnp.vdot(server.x, server.x)))
        factor = jnp.where(r > 10 * s, 2.0, jnp.where(s > 10 * r, 0.5, 1.0)).astype(rho.dtype)
        factor = jnp.where((server.t > 0) & (server.t < self.balancing), factor, 1)
        return Server(z, jnp.vdot(z - server.x, z - server.x), rho * factor, rho, server.t + 1)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x
