"""Asynchronous gradient descent: every gradient is a step, however old."""

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


class Reply(NamedTuple):
    g: Array  # the client's gradient at the model that it had received


@method
class AsyncSGD:
    """x⁺ = x − a g_k(x_{t−d}), one step an arrival, with d the steps that others took while agent k worked.

    Under curvature h and constant d it is stable if and only if a h < 2 sin(π/(2(2d+1))); K agents of one speed make d
    = K − 1. With `delay_adaptive` a late gradient gets a shorter step: a where d ≤ 2C, else min(a, 1/(4 L d)).

    An agent has weight in proportion to its arrivals: those ten times slower have a tenth. `participation=C` keeps C
    jobs under way, dealt out at random to all alike, and so gives all agents equal weight, at the pace of the slowest.

    - `step_size`: a. `batch_size`: None for the full gradient, else rows drawn afresh.
    - `delay_adaptive`: whether late gradients count less. `concurrency`: C, agents at work. `smoothness`: L.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[1.0, 1.0])
    >>> float(accord.run(problem, AsyncSGD(), stop=accord.Stop(rounds=500)).x.round(6))
    1.0

    Source: Koloskova, Stich, Jaggi 2022, Sharper convergence guarantees for asynchronous SGD; Mishchenko et al. 2022.
    """

    step_size: float | None = None
    batch_size: int | None = None
    delay_adaptive: bool = False
    concurrency: int | None = None
    smoothness: float | None = None

    asynchronous: ClassVar = True
    exact: ClassVar = "the optimum with weights p_k times each agent's pace, to within the order of the step size"
    reference: ClassVar = "Koloskova, Stich, Jaggi 2022; Mishchenko, Bach, Even, Woodworth 2022"

    @property
    def rules(self) -> dict[str, Rule]:
        """C and L matter to the delay-adaptive step alone."""
        step = {"step_size": Rule("1/(4KL)", lambda c: 1 / (4 * c.agents * c.L))}
        late = {"concurrency": Rule("K", lambda c: c.agents), "smoothness": Rule("L", lambda c: c.L)}
        return step | late if self.delay_adaptive else step

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
        return Server(server.x - self._step(d) * arrival.reply.g, server.t + 1)

    def proposal(self, heard: Server, reply: Reply, client: tuple[()]) -> Array:
        return heard.x

    def work(self, size: float) -> float:
        return passes(self.batch_size, size)

    def _step(self, d: Array) -> Any:
        if not self.delay_adaptive:
            return self.step_size
        late = jnp.minimum(1, 1 / (4 * self.step_size * self.smoothness * jnp.maximum(d, 1)))
        return self.step_size * jnp.where(d <= 2 * self.concurrency, 1, late)
