"""Buffered asynchronous aggregation: the server steps once as many changes have come in as its buffer holds."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Arrival, Local, Rule
from accord.methods.shared.local import SGD
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    t: Array  # version: how often the buffer was emptied
    total: Array  # sum of the buffer
    count: Array  # how many changes are in it


class Heard(NamedTuple):
    x: Array
    t: Array


class Reply(NamedTuple):
    delta: Array  # y_k − x, what local work changed


@method
class FedBuff:
    """x⁺ = x + η/B Σ Δ_i/√(1+d_i), over the B changes Δ = y_k − x_{t−d} that came in since the last step.

    - `buffer`: B. `server_step`: η; delays ask for less than 1. `local`: `SGD` or `GradientDescent`.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[1.0, 1.0])
    >>> method = FedBuff(buffer=2, local=accord.GradientDescent(steps=5))
    >>> float(accord.run(problem, method, stop=accord.Stop(rounds=500)).x.round(4))
    1.0

    Source: Nguyen, Malik, Zhan, Yousefpour, Rabbat, Malek, Huba 2022, Federated learning with buffered asynchronous
    aggregation.
    """

    buffer: int | None = None
    server_step: float = 0.5
    local: Local = SGD(epochs=1)

    needs: ClassVar = ("sample_grad",)
    asynchronous: ClassVar = True
    exact: ClassVar = "a floor that grows with the step size, the local steps, and what agents differ in data and pace"
    reference: ClassVar = "Nguyen et al. 2022, Federated learning with buffered asynchronous aggregation"
    rules: ClassVar = {"buffer": Rule("⌈K/4⌉", lambda c: -(-c.agents // 4))}

    def init(self, x: Array) -> Server:
        zero = jnp.zeros((), x.dtype)
        return Server(x, zero, jnp.zeros_like(x), zero)

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x, server.t)

    def respond(self, heard: Heard, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(self.local(agent, heard.x, key) - heard.x), client

    def update(self, server: Server, arrival: Arrival) -> Server:
        d = server.t - arrival.heard.t
        total, count = server.total + arrival.reply.delta / jnp.sqrt(1 + d), server.count + 1
        full = count == self.buffer
        x = server.x + jnp.where(full, self.server_step / count, 0) * total
        t = jnp.where(full, server.t + 1, server.t)
        return Server(x, t, jnp.where(full, 0, total), jnp.where(full, 0, count))

    def proposal(self, heard: Heard, reply: Reply, client: tuple[()]) -> Array:
        return heard.x + reply.delta

    def work(self, size: float) -> float:
        return self.local.work(size)
