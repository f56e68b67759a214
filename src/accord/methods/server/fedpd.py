"""FedPD: each client minimises its own augmented Lagrangian."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Local, Rule
from accord.methods.shared.local import GradientDescent
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # x₀, the model that all are to agree on


class Client(NamedTuple):
    x: Array  # x_k, its own
    dual: Array  # λ_k, the price of x_k = x₀


class Reply(NamedTuple):
    x: Array  # x_k + λ_k/ρ
    apart: Array  # ‖x_k − x₀‖²: the sum above does not determine it


@method
class FedPD:
    """x_k ≈ argmin f_k(x) + λ_kᵀ(x − x₀) + ρ/2 ‖x − x₀‖², λ_k⁺ = λ_k + ρ (x_k − x₀), x₀⁺ = Σ p_k (x_k + λ_k⁺/ρ).

    All clients reply in every round: the paper's option to skip some of them leaves a floor where agents differ.

    - `penalty`: ρ = 1/η > 0; the geometric mean of the curvatures when not given.
    - `local`: `GradientDescent`, `SGD`, or `ProximalPoint()`, which makes it the alternating direction method.

    Exact under full gradients, however few the local steps.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, FedPD(), stop=accord.Stop(rounds=300)).x.round(4))
    0.9091

    Source: Zhang, Hong, Dhople, Yin, Liu 2021, FedPD: A federated learning framework with adaptivity to non-IID data.
    """

    penalty: float | None = None
    local: Local = GradientDescent(steps=10)

    partial: ClassVar = False
    reference: ClassVar = "Zhang, Hong, Dhople, Yin, Liu 2021, FedPD"
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10)}
    serial: ClassVar = True

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return self.local.exact

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x, jnp.zeros_like(x))

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        aside = self.penalty * (client.x - heard.x)  # local work starts at x_k and is pulled to x₀
        x = self.local(agent, client.x, key, shift=client.dual + aside, pull=self.penalty)
        dual = client.dual + self.penalty * (x - heard.x)
        return Reply(x + dual / self.penalty, jnp.vdot(x - heard.x, x - heard.x)), Client(x, dual)

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(reply.x)

    def proposal(self, heard: Server, reply: Reply, client: Client) -> Array:
        return client.x

    def work(self, size: float) -> float:
        return self.local.work(size)
