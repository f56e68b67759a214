"""Ditto: a model of each client's own, held near the one that all share."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Local, Rule
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # w, the shared model


class Client(NamedTuple):
    v: Array  # personal model


class Reply(NamedTuple):
    delta: Array  # y_k − w
    apart: Array  # ‖v_k − w‖²: how far personal models go, which is all that is sent of them


@method
class Ditto:
    """w by FedAvg, and beside it v_k ≈ argmin f_k(v) + λ/2 ‖v − w‖², local work that goes on from the last v_k.

    What each client keeps is v_k: `Run.agents` are the personal models, between the shared model (λ → ∞) and each
    client's own optimum (λ → 0). They differ on purpose, so the run stands on a floor of disagreement.

    - `penalty`: λ > 0; the geometric mean of the curvatures when not given.
    - `local`: `SGD` or `GradientDescent`, for both.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0], c=[0.0, 4.0])
    >>> method = Ditto(penalty=1.0, local=accord.GradientDescent(steps=5))
    >>> run = accord.run(problem, method, stop=accord.Stop(rounds=60))
    >>> float(run.x.round(4)), [float(v.round(4)) for v in run.agents]  # v_k = (c_k + λ w)/(1 + λ)
    (2.0, [1.0, 3.0])

    Source: Li, Hu, Beirami, Smith 2021, Ditto: Fair and robust federated learning through personalization.
    """

    penalty: float | None = None
    local: Local = SGD(epochs=1)

    exact: ClassVar = "FedAvg's floor for the shared model, which grows with the agents' differences"
    reference: ClassVar = "Li, Hu, Beirami, Smith 2021, Ditto"
    rules: ClassVar = {"penalty": Rule("√(μL), or L/10 where μ = 0", lambda c: (c.mu * c.L) ** 0.5 or c.L / 10)}
    serial: ClassVar = True

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x)

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        y = self.local(agent, heard.x, key)
        aside = self.penalty * (client.v - heard.x)  # local work starts at v_k and is pulled to w
        v = self.local(agent, client.v, jax.random.fold_in(key, 1), shift=aside, pull=self.penalty)
        return Reply(y - heard.x, jnp.vdot(v - heard.x, v - heard.x)), Client(v)

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(server.x + reply.delta)

    def proposal(self, heard: Server, reply: Reply, client: Client) -> Array:
        return client.v

    def work(self, size: float) -> float:
        return 2 * self.local.work(size)
