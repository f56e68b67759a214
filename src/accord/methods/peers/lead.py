"""LEAD: a primal-dual method that bears compression and stays exact."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    d: Array  # dual variable; Σ_k d_k = 0
    y: Array  # x − a ∇f(x) − a d: the prediction that is sent


class Message(NamedTuple):
    y: Array


@method
class LEAD:
    """y = x − a∇f(x) − a d; d⁺ = d + γ/(2a) (I−W) ŷ; x⁺ = x − a∇f(x) − a d⁺, where ŷ is y as it is received.

    With `channel=channels.changes(channels.quantise(2), alpha=0.5)` ŷ = h + Q(y − h), h⁺ = h + α Q(y − h), as in the
    paper: linear to the optimum, in as many rounds as without. Without a channel and with γ = 1 it is NIDS.

    - `step_size`: a < 2/L. `gossip_step`: γ in (0, 1]; 1 bears a channel of few bits. One that errs by C‖y − h‖² in the
      mean, `random_k(k)` by C = d/k − 1, asks for γ ≤ 2/((3C+1) λ_max(I−W)) and α ≤ 1/(1+C), and for less yet where
      agents are badly conditioned; with more it diverges.

    Each round Σ d_k = 0, whatever the channel does.

    >>> import accord
    >>> from accord.channels import changes, quantise
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> how = {"network": accord.networks.ring(4), "channel": changes(quantise(2), alpha=0.5)}
    >>> float(accord.run(problem, LEAD(), stop=accord.Stop(rounds=400), **how).x.round(6))
    3.2

    Source: Liu, Li, Wang, Tang, Yan 2021, Linear convergent decentralized optimization with compression.
    """

    step_size: float | None = None
    gossip_step: float = 1.0

    weights: ClassVar = "symmetric"
    bears: ClassVar = ("lose", "sleep", "vary")
    always_connected: ClassVar = True
    reference: ClassVar = "Liu, Li, Wang, Tang, Yan 2021"
    rules: ClassVar = {"step_size": Rule("1/L", lambda c: 1 / c.L)}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return self._predict(x, jnp.zeros_like(x), agent)

    def message(self, state: State) -> Message:
        return Message(state.y)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        change = self.gossip_step / 2 * (state.y - mixed.y)
        return self._predict(state.y - change, state.d + change / self.step_size, agent)

    def _predict(self, x: Array, d: Array, agent: Any) -> State:
        return State(x, d, x - self.step_size * (agent.grad(x) + d))
