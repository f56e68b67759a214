"""FedDyn: each client's objective is bent so that all clients' optima meet."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Local, Rule
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    h: Array  # Σ p_k g_k


class Heard(NamedTuple):
    x: Array


class Client(NamedTuple):
    g: Array  # estimates ∇f_k


class Reply(NamedTuple):
    dx: Any  # y_k − x
    share: Any  # 1, which adds up to Σ p_k over who answered


@method
class FedDyn:
    """y_k ≈ argmin f_k(y) − g_kᵀy + α/2 ‖y − x‖², g_k⁺ = g_k − α (y_k − x).

    h⁺ = h − α Σ p_k (y_k − x) over the cohort, x⁺ = mean(y_k) − h⁺/α. In every round h = Σ p_k g_k.

    - `penalty`: α > 0; the geometric mean of the curvatures when not given.
    - `local`: `GradientDescent`, `SGD`, or `ProximalPoint()`, which solves for y_k exactly.

    Exact under full gradients, however few the local steps and however different the agents.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, FedDyn(), stop=accord.Stop(rounds=300)).x.round(4))
    0.9091

    Source: Acar, Zhao, Matas, Mattina, Whatmough, Saligrama 2021, Federated learning based on dynamic regularization.
    """

    penalty: float | None = None
    local: Local = GradientDescent(steps=10)

    aggregate: ClassVar = Reply(dx="mean", share="sum")
    cohort: ClassVar = "alike"  # each keeps what it sent last, which ages where it is seldom asked
    reference: ClassVar = "Acar et al. 2021, Federated learning based on dynamic regularization"
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10)}
    serial: ClassVar = True

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return self.local.exact

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros_like(x))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(jnp.zeros_like(x))

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        y = self.local(agent, heard.x, key, shift=-client.g, pull=self.penalty)
        dx = y - heard.x
        return Reply(dx, jnp.ones((), dx.dtype)), Client(client.g - self.penalty * dx)

    def update(self, server: Server, reply: Reply) -> Server:
        h = server.h - self.penalty * reply.share * reply.dx
        return Server(server.x + reply.dx - h / self.penalty, h)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return heard.x + reply.dx

    def work(self, size: float) -> float:
        return self.local.work(size)
