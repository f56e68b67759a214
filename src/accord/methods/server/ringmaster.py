"""Ringmaster: asynchronous gradient descent that drops what is too old."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Arrival, Rule
from accord.methods.shared.stochastic import gradient, passes
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    t: Array  # version: how many steps were taken


class Reply(NamedTuple):
    g: Array  # the client's gradient at the model that it had received


@method
class Ringmaster:
    """x⁺ = x − a g_k(x_{t−d}) where d < R; a gradient of R steps ago or more is dropped.

    An agent that is slower than R steps of the others is never used. For data that are alike everywhere it wastes as
    little time as is possible, with R = max(1, ⌈σ²/ε⌉) for gradients of variance σ² and a target of ε.

    - `step_size`: a. `threshold`: R. `batch_size`: rows a gradient; None for all.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[1.0, 1.0])
    >>> float(accord.run(problem, Ringmaster(), stop=accord.Stop(rounds=500)).x.round(6))
    1.0

    Source: Maranjyan, Tyurin, Richtárik 2025, Ringmaster ASGD: the first asynchronous SGD with optimal time complexity.
    """

    step_size: float | None = None
    threshold: int | None = None
    batch_size: int | None = None

    asynchronous: ClassVar = True
    exact: ClassVar = "the optimum over those heard, by their pace, to within the order of the step size"
    reference: ClassVar = "Maranjyan, Tyurin, Richtárik 2025, Ringmaster ASGD"
    rules: ClassVar = {
        "step_size": Rule("1/(4KL)", lambda c: 1 / (4 * c.agents * c.L)),
        "threshold": Rule("K", lambda c: c.agents),
    }

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros((), x.dtype))

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(gradient(agent, heard.x, key, self.batch_size)), client

    def update(self, server: Server, arrival: Arrival) -> Server:
        d = server.t - arrival.heard.t
        after = Server(server.x - self.step_size * arrival.reply.g, server.t + 1)
        return jax.tree.map(lambda new, old: jnp.where(d < self.threshold, new, old), after, server)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x

    def work(self, size: float) -> float:
        return passes(self.batch_size, size)
