"""Federated averaging whose local work is held near the model that was broadcast."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Local, Rule
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate


class Reply(NamedTuple):
    delta: Array  # y_k − x


@method
class FedProx:
    """y_k ≈ argmin f_k(y) + m/2 ‖y − x‖², x⁺ = Σ p_k y_k.

    - `penalty`: m > 0, the pull towards x; the geometric mean of the curvatures when not given. The larger, the smaller
      the floor, and the slower. `local`: `SGD` or `GradientDescent`, or `ProximalPoint()`, which solves it exactly.

    Solved exactly, its fixed point for quadratics is Σ p_k a_k c_k / Σ p_k a_k with a_k = h_k / (h_k + m).

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> method = FedProx(penalty=1.0, local=accord.ProximalPoint())
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=100)).x.round(9))
    0.645161290

    Source: Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith 2020, Federated optimization in heterogeneous networks.
    """

    penalty: float | None = None
    local: Local = SGD(epochs=1)

    exact: ClassVar = "a floor that grows with the agents' differences and shrinks as the penalty grows"
    reference: ClassVar = "Li et al. 2020, Federated optimization in heterogeneous networks"
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10)}
    serial: ClassVar = True

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(self.local(agent, heard.x, key, pull=self.penalty) - heard.x), client

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(server.x + reply.delta)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x + reply.delta

    def work(self, size: float) -> float:
        return self.local.work(size)
