"""Scaffnew, or ProxSkip: local steps that provably save communication."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.shared.stochastic import NEIGHBOURHOOD, gradient, passes
from accord.methods.traits import method


class Server(NamedTuple):
    x: Array  # mean of the clients' models


class Client(NamedTuple):
    x: Array  # x̂_k, own model at the end of its local steps
    h: Array  # control variate: comes to be ∇f_k(x*)
    t: Array  # round, which draws the same coins at every client


@method
class Scaffnew:
    """x_k ← x_k − a (∇f_k(x_k) − h_k) until a coin of chance p, the same for all, comes up: x⁺ = Σ p_k x_k.

    Then h_k⁺ = h_k + (p/a)(x⁺ − x_k), and all clients continue from x⁺. A round is from one message to the next.
    In every round Σ p_k h_k = 0.

    - `step_size`: a < 2/L. `steps`: 1/p, the local steps of a round on average; √κ, which needs O(√κ log 1/ε) rounds,
      when not given.
    - `batch_size`: None for full gradients. `seed`: of the coins.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    >>> float(accord.run(problem, Scaffnew(), stop=accord.Stop(rounds=100)).x.round(6))
    0.909091

    Source: Mishchenko, Malinovsky, Stich, Richtárik 2022, ProxSkip: Yes! Local gradient steps provably lead to
    communication acceleration!
    """

    step_size: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    seed: int = 0

    partial: ClassVar = False
    reference: ClassVar = "Mishchenko, Malinovsky, Stich, Richtárik 2022, ProxSkip"
    rules: ClassVar = {
        "step_size": Rule("1/L", lambda c: 1 / c.L),
        "steps": Rule("√(L/μ), or 10 where μ = 0", lambda c: round((c.L / c.mu) ** 0.5) if c.mu else 10),
    }
    may_be_zero: ClassVar = ("seed",)
    serial: ClassVar = True

    @property
    def exact(self) -> bool | str:
        """Exact with full gradients."""
        return True if self.batch_size is None else NEIGHBOURHOOD

    def init(self, x: Array) -> Server:
        return Server(x)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        return Client(x, jnp.zeros_like(x), jnp.zeros((), jnp.int32))

    def broadcast(self, server: Server) -> Server:
        return server

    def respond(self, heard: Server, client: Client, agent: Any, key: Array) -> tuple[Server, Client]:
        h = client.h + (heard.x - client.x) / (self.steps * self.step_size)
        coins = jax.random.fold_in(jax.random.key(self.seed), client.t)
        tau = jax.random.geometric(coins, 1 / self.steps, dtype=jnp.int32)

        def step(i: Array, x: Array) -> Array:
            g = gradient(agent, x, jax.random.fold_in(key, i), self.batch_size)
            return x - self.step_size * (g - h)

        x = jax.lax.fori_loop(0, tau, step, heard.x)
        return Server(x), Client(x, h, client.t + 1)

    def update(self, server: Server, reply: Server) -> Server:
        return reply

    def proposal(self, heard: Server, reply: Server, client: Client) -> Array:
        return reply.x

    def work(self, size: float) -> float:
        return passes(self.batch_size, size) * self.steps
