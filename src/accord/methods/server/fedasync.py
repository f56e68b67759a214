"""Asynchronous federated averaging: every model that comes in is mixed in, the less the older it is."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.errors import UnknownName
from accord.methods.contracts import Arrival, Local
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    t: Array  # version: how many models were mixed in


class Reply(NamedTuple):
    delta: Array  # y_k − x, what local work changed


LAWS = ("constant", "polynomial", "hinge")


@method
class FedAsync:
    """x⁺ = (1 − m s(d)) x + m s(d) y_k, for a model y_k that began from the one of d versions ago.

    s(d) = 1 (constant), (1 + d)^−α (polynomial), or 1 until d = b and then 1/(1 + α(d − b)) (hinge).

    - `mixing`: m in (0, 1]. `staleness`: the law. `decay`: α. `grace`: b. `local`: `SGD` or `GradientDescent`.

    Raises `UnknownName` for a law that is none of these.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[1.0, 1.0])
    >>> method = FedAsync(staleness="hinge", local=accord.GradientDescent(steps=5))
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=500)).x.round(4))
    1.0

    Source: Xie, Koyejo, Gupta 2019, Asynchronous federated optimization.
    """

    mixing: float = 0.6
    staleness: str = "polynomial"
    decay: float = 0.5
    grace: int = 4
    local: Local = SGD(epochs=1)

    needs: ClassVar = ("sample_grad",)
    asynchronous: ClassVar = True
    exact: ClassVar = "a floor that grows with the step size, the local steps, and what agents differ in data and pace"
    reference: ClassVar = "Xie, Koyejo, Gupta 2019, Asynchronous federated optimization"

    def __post_init__(self) -> None:
        if self.staleness not in LAWS:
            raise UnknownName("law of staleness", self.staleness, LAWS)

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(self.local(agent, heard.x, key) - heard.x), client

    def update(self, server: Server, arrival: Arrival) -> Server:
        y = arrival.heard.x + arrival.reply.delta
        m = self.mixing * self._s(server.t - arrival.heard.t)
        return Server((1 - m) * server.x + m * y, server.t + 1)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x + reply.delta

    def work(self, size: float) -> float:
        return self.local.work(size)

    def _s(self, d: Array) -> Any:
        if self.staleness == "polynomial":
            return (1 + d) ** -self.decay
        if self.staleness == "hinge":
            return 1 / (1 + self.decay * jnp.maximum(d - self.grace, 0))
        return 1.0
