"""MimeLite: clients step with the server's momentum, which they do not touch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Stepping
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    m: Array  # momentum: averages ∇F(x) over the rounds


class Reply(NamedTuple):
    delta: Array  # y_k − x
    g: Array  # ∇f_k(x), on the whole shard


@method
class MimeLite:
    """y ← y − a ((1−β) g_k(y) + β m), τ times from x with m held; x⁺ = Σ p_k y_k, m⁺ = (1−β) Σ p_k ∇f_k(x) + β m.

    Every client's local work so mimics what SGD with momentum would do on all data.

    - `local`: `SGD` or `GradientDescent`; aτ well under (1+β)/((1−β)L). `momentum`: β in (0, 1).

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> method = MimeLite(accord.GradientDescent(steps=10, step_size=0.001))
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=3000)).x.round(2))
    0.91

    Source: Karimireddy, Jaggi, Kale, Mohri, Reddi, Stich, Suresh 2021, Breaking the centralized barrier.
    """

    local: Stepping = SGD(epochs=1)
    momentum: float = 0.9

    exact: ClassVar = "a floor that grows with the step size, the local steps and the agents' differences"
    reference: ClassVar = "Karimireddy et al. 2021, Breaking the centralized barrier for federated learning"
    serial: ClassVar = True

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros_like(x))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        fresh = 1 - self.momentum
        local: Any = self.local
        local = replace(local, step_size=fresh * local.step_size)  # a ((1−β) g + β m) = (1−β) a (g + shift)
        y = local(agent, heard.x, key, shift=self.momentum / fresh * heard.m)
        return Reply(y - heard.x, agent.grad(heard.x)), client

    def update(self, server: Server, reply: Reply) -> Server:
        return Server(server.x + reply.delta, (1 - self.momentum) * reply.g + self.momentum * server.m)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x + reply.delta

    def work(self, size: float) -> float:
        return 1 + self.local.work(size)
