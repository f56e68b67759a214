"""Incremental aggregated gradients: the server remembers what each client sent last."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Arrival, Regularizer, Rule
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate
    y: Array  # mean of the gradients that were received last, one an agent


class Client(NamedTuple):
    g: Array  # the gradient that was sent last


class Heard(NamedTuple):
    x: Array


class Reply(NamedTuple):
    dg: Array  # by how much the client's gradient has changed since


@method
class PIAG:
    """y⁺ = y + (g_k − g_k old)/K, x⁺ = prox_{a r}(x − a y⁺): every arrival renews one gradient of a mean of all.

    Each client counts with its weight p_k whatever its pace, so that the optimum is exact; a slow agent's gradient is
    only older. An agent sends the change of its gradient, and what was lost it sends with the next.

    - `step_size`: a, stable below about 1/L over the mean age of the gradients in y, which for agents of one pace is
      1.5 K arrivals. `agents`: K. `regularizer`: r, taken from the problem.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> slow = accord.runtimes.Timed(accord.Clock(compute=[1.0, 5.0]))
    >>> float(accord.run(problem, PIAG(), runtime=slow, stop=accord.Stop(rounds=1000)).x.round(4))
    0.9091

    Source: Vanli, Gürbüzbalaban, Ozdaglar 2018; Aytekin, Feyzmahdavian, Johansson 2016, Analysis and implementation of
    an asynchronous optimization algorithm for the parameter server.
    """

    step_size: float | None = None
    agents: int | None = None
    regularizer: Regularizer | None = None

    asynchronous: ClassVar = True
    reference: ClassVar = "Aytekin, Feyzmahdavian, Johansson 2016; Vanli, Gürbüzbalaban, Ozdaglar 2018"
    rules: ClassVar = {
        "step_size": Rule("1/(4KL)", lambda c: 1 / (4 * c.agents * c.L)),
        "agents": Rule("K", lambda c: c.agents),
    }

    def init(self, x: Array) -> Server:
        return Server(x, jnp.zeros_like(x))

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(jnp.zeros_like(x))

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.x)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        g = agent.grad(heard.x)
        return Reply(g - client.g), Client(g)

    def update(self, server: Server, arrival: Arrival) -> Server:
        y = server.y + arrival.reply.dg / self.agents
        x = server.x - self.step_size * y
        return Server(x if self.regularizer is None else self.regularizer.prox(x, self.step_size), y)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return heard.x
