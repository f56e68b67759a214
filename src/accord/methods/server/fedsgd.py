"""Gradient descent by a server: clients send gradients, the server steps."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Regularizer, Rule
from accord.methods.shared.stochastic import NEIGHBOURHOOD, gradient, passes
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # iterate


class Reply(NamedTuple):
    g: Array  # the client's gradient at x


@method
class FedSGD:
    """Gradient descent, or minibatch SGD, with one gradient a client and a round.

    x⁺ = prox_{a r}(x − a Σ p_k g_k(x)), with g_k = ∇f_k, or over `batch_size` rows drawn afresh.

    - `step_size`: a < 2/L; at 1/L the error contracts by 1 − μ/L a round.
    - `batch_size`: None for the full gradient. `regularizer`: r, taken from the problem.

    >>> import accord, numpy as np
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, FedSGD(), stop=accord.Stop(rounds=200)).x.round(6))
    0.909091

    Source: McMahan, Moore, Ramage, Hampson, Agüera y Arcas 2017 (FedSGD).
    """

    step_size: float | None = None
    batch_size: int | None = None
    regularizer: Regularizer | None = None

    reference: ClassVar = "McMahan et al. 2017, Communication-efficient learning of deep networks"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    @property
    def free_objective(self) -> bool:
        """F(x) shares its forward pass with the gradients."""
        return self.batch_size is None

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return True if self.batch_size is None else NEIGHBOURHOOD

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> tuple[()]:
        return ()

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: tuple[()], agent: Any, key: Array) -> tuple[Reply, tuple[()]]:
        return Reply(gradient(agent, heard.x, key, self.batch_size)), client

    def update(self, server: Server, reply: Reply) -> Server:
        x = server.x - self.step_size * reply.g
        return Server(x if self.regularizer is None else self.regularizer.prox(x, self.step_size))

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x  # a gradient proposes no model of its own: all clients hold what was broadcast

    def work(self, size: float) -> float:
        return passes(self.batch_size, size)
