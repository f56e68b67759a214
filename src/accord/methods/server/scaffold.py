"""SCAFFOLD: control variates take the drift out of local work."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Stepping
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    c: Array  # control variate: estimates ∇F


class Client(NamedTuple):
    c: Array  # control variate: estimates ∇f_k


class Reply(NamedTuple):
    dx: Any  # y_k − x
    dc: Any  # c_k⁺ − c_k


@method
class SCAFFOLD:
    """y ← y − a (g_k(y) − c_k + c), τ_k times from x; c_k⁺ = c_k − c + (x − y)/(τ_k a).

    x⁺ = x + η mean(y_k − x), c⁺ = c + Σ p_k (c_k⁺ − c_k) over the cohort, so that c = Σ p_k c_k in every round.

    - `local`: `GradientDescent` or `SGD`. `server_step_size`: η.

    Exact under full gradients, however different the agents and however many local steps; a cohort may answer.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> method = SCAFFOLD(accord.GradientDescent(steps=10, step_size=0.05))
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=60, progress=0)).x.round(12))
    0.909090909091

    Source: Karimireddy, Kale, Mohri, Reddi, Stich, Suresh 2020 (option II).
    """

    local: Stepping = GradientDescent(steps=10)
    server_step_size: float = 1.0

    aggregate: ClassVar = Reply(dx="mean", dc="sum")
    cohort: ClassVar = "alike"  # each keeps what it sent last, which ages where it is seldom asked
    reference: ClassVar = "Karimireddy et al. 2020, SCAFFOLD: Stochastic controlled averaging for federated learning"
    serial: ClassVar = True

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return self.local.exact

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros_like(x))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(jnp.zeros_like(x))

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        x, c = heard
        y = self.local(agent, x, key, shift=c - client.c)
        tau = jnp.asarray(self.local.count(agent), x.dtype)
        c_plus = client.c - c + (x - y) / (tau * self.local.step_size)
        return Reply(y - x, c_plus - client.c), Client(c_plus)

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(server.x + self.server_step_size * reply.dx, server.c + reply.dc)

    def proposal(self, heard: Server, reply: Reply, client: Client) -> Array:
        return heard.x + reply.dx

    def work(self, size: float) -> float:
        return self.local.work(size)
