"""Primal decomposition: what is shared is allocated, and no agent ever takes more."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Constants, Rule
from accord.methods.traits import method


class Server(NamedTuple):
    price: Array  # λ at which the wishes add up to b; raised to 0 where the constraint is ≤
    level: Array  # the same, not raised: what is announced
    slack: Array  # s ≥ 0, what a row of ≤ leaves unused: one more allocation, which costs nothing
    floor: Array  # the least each price may be: 0 for ≤, −∞ for ==


class Heard(NamedTuple):
    level: Array


class Reply(NamedTuple):
    m: Array  # the local multiplier: what one more unit of the allocation saves
    y: Array  # the allocation, A_k x_k = y_k + b/K
    least: Array  # between these it may be
    most: Array


class Client(NamedTuple):
    x: Array  # own decision
    y: Array  # own allocation, less b/K: Σ y_k = 0
    m: Array


def _step(c: Constants) -> float:
    return 1 / c.L_value if c.L_value > 0 else 1 / (c.climb or 1.0)


@method
class PrimalDecomposition:
    """y_k⁺ = Π_k(y_k + a (m_k − λ)), λ such that Σ y_k⁺ = b; x_k = argmin f_k where A_k x = y_k, with multiplier m_k.

    The agents send what more would be worth to them, and what is shared goes where it is worth most: without bounds λ
    is the mean of the multipliers, y_k⁺ = y_k + a/K Σ_j (m_k − m_j). The allocations always add up to b, so that from
    the second round on the decisions are *feasible at every round*; in the first the agents send where they are. For
    ≤ the server keeps what is left over. Every A_k has independent rows; with bounds, decisions and constraint are
    single numbers.

    - `step_size`: a < 2/L_v, L_v the largest of L_k/λ_min(A_k A_kᵀ). Of straight costs, whose L_v is 0, any is taken,
      and V/P when not given: what is missing at the start over the largest marginal cost.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200],
    ...                                   [200, 150, 100], [450, 350, 225], 975)
    >>> answer = accord.run(market, PrimalDecomposition(), stop=accord.Stop(rounds=100), record=1)
    >>> answer.prices.round(6).tolist(), answer.x.ravel().round(4).tolist()
    ([9.4], [450.0, 325.0, 200.0])
    >>> bool((answer.history["violation"][2:] < 1e-9).all())
    True

    Source: Silverman 1972, Primal decomposition of mathematical programs; Bertsekas 1999, Nonlinear Programming, §6.4.
    """

    step_size: float | None = None

    needs: ClassVar = ("allocation", "best_response")
    aggregate: ClassVar = staticmethod(lambda replies, share: replies)  # the market maker looks at each
    partial: ClassVar = False
    reference: ClassVar = "Silverman 1972; Bertsekas 1999, §6.4"
    rules: ClassVar = {"step_size": Rule("1/L_v, where every A_k has independent rows; V/P where L_v is 0", _step)}
    limits: ClassVar = {"step_size": Rule("2/L_v", lambda c: 2 / c.L_value if c.L_value > 0 else math.inf)}

    def init(self, x: Any) -> Server:
        nothing = jnp.zeros_like(x.price)
        return Server(x.price, nothing, nothing, x.floor)

    def init_client(self, x: Array, agent: Any, key: Array) -> Client:
        y = jnp.clip(agent.contribution(x), *agent.feasible_range())
        x, m = agent.allocation(y)
        return Client(x, y, m)

    def broadcast(self, server: Server) -> Heard:
        return Heard(server.level)

    def respond(self, heard: Heard, client: Client, agent: Any, key: Array) -> tuple[Reply, Client]:
        least, most = agent.feasible_range()
        y = jnp.clip(client.y + self.step_size * (client.m - heard.level), least, most)
        x, m = agent.allocation(y)
        return Reply(m, y, least, most), Client(x, y, m)

    def update(self, server: Server, reply: Reply) -> Server:
        a = self.step_size
        slack = jnp.maximum(server.slack - a * server.level, 0)
        unequal = jnp.isfinite(server.floor)
        wishes = jnp.concatenate([reply.y + a * reply.m, slack[None]])
        least = jnp.concatenate([reply.least, jnp.zeros_like(slack)[None]])
        most = jnp.concatenate([reply.most, jnp.where(unequal, jnp.inf, 0)[None]])
        level = clearing_level(wishes / a, least / a, most / a)
        return Server(jnp.maximum(level, server.floor), level, jnp.where(unequal, slack, 0), server.floor)

    def proposal(self, heard: Heard, reply: Reply, client: Client) -> Array:
        return client.x


def clearing_level(wishes: Array, least: Array, most: Array) -> Array:
    """λ of every row with Σ_k clip(w_k − λ, least_k, most_k) = 0: by bisection, then exactly by those within."""
    ends = [jnp.where(jnp.isfinite(bound), wishes - bound, wishes) for bound in (least, most)]
    width = jnp.sum(jnp.abs(wishes), 0)

    def halve(_: int, span: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = (span[0] + span[1]) / 2
        over = jnp.sum(jnp.clip(wishes - middle, least, most), 0) > 0
        return jnp.where(over, middle, span[0]), jnp.where(over, span[1], middle)

    outer = [jnp.min(jnp.minimum(*ends), 0) - width, jnp.max(jnp.maximum(*ends), 0) + width]
    low, high = jax.lax.fori_loop(0, 100, halve, tuple(outer))
    level = (low + high) / 2
    kept = jnp.clip(wishes - level, least, most)
    free = (wishes - level > least) & (wishes - level < most)
    count = jnp.sum(free, 0).astype(level.dtype)
    fine = jnp.sum(jnp.where(free, wishes, kept), 0) / jnp.maximum(count, 1)
    return jnp.where(count > 0, fine, level)
