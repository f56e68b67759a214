"""Rennala: a batch of gradients at one and the same point, from the quickest clients."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Arrival, Rule
from accord.methods.shared.stochastic import gradient, passes
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    t: Array  # version: how many steps were taken
    total: Array  # sum of the gradients at x so far
    count: Array  # how many they are


class Heard(NamedTuple):
    x: Array
    t: Array


class Reply(NamedTuple):
    g: Array  # the client's gradient at the model that it had received


@method
class Rennala:
    """x⁺ = x − a/S Σ g_i(x), once S gradients at x itself have come in; what comes late is dropped.

    Quick agents give several, slow ones none: their data go unheard where a step takes less time than they do. For data
    that are alike everywhere it wastes as little time as is possible.

    - `step_size`: a < 2/L. `batch`: S. `batch_size`: rows a gradient; None for all.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, Rennala(), stop=accord.Stop(rounds=500)).x.round(6))
    0.909091

    Source: Tyurin, Richtárik 2023, Optimal time complexities of parallel stochastic optimization methods.
    """

    step_size: float | None = None
    batch: int | None = None
    batch_size: int | None = None

    asynchronous: ClassVar = True
    exact: ClassVar = "the optimum over those quick enough to be heard; of all where all are of one pace"
    reference: ClassVar = "Tyurin, Richtárik 2023, Optimal time complexities of parallel stochastic optimization"
    rules: ClassVar = {
        "step_size": Rule("1/L", lambda c: 1 / c.L),
        "batch": Rule("K", lambda c: c.agents),
    }

    def init(self, x: Array) -> Server:
        zero = jnp.zeros((), x.dtype)
        return Server(x, zero, jnp.zeros_like(x), zero)

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x, server.t)

    def respond(self, heard: Heard, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(gradient(agent, heard.x, key, self.batch_size)), client

    def update(self, server: Server, arrival: Arrival) -> Server:
        fresh = arrival.heard.t == server.t
        total = server.total + jnp.where(fresh, arrival.reply.g, 0)
        count = jnp.where(fresh, server.count + 1, server.count)
        full = count == self.batch
        x = server.x - jnp.where(full, self.step_size / jnp.maximum(count, 1), 0) * total
        t = jnp.where(full, server.t + 1, server.t)
        return Server(x, t, jnp.where(full, 0, total), jnp.where(full, 0, count))

    def proposal(self, heard: Heard, reply: Reply, client: tuple[()]) -> Array:
        return heard.x

    def work(self, size: float) -> float:
        return passes(self.batch_size, size)
