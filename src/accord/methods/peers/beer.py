"""BEER: gradient tracking by compressed changes."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    v: Array  # tracker: estimates the average gradient
    g: Array  # own gradient at x


class Message(NamedTuple):
    x: Array
    v: Array


@method
class BEER:
    """x⁺ = x + γ Σ_j w_kj (h_j − h_k) − a v, v⁺ = v + γ Σ_j w_kj (u_j − u_k) + ∇f(x⁺) − ∇f(x); x, v arrive as h, u.

    With `channel=channels.changes(channels.top_k(10))` h⁺ = h + Q(x⁺ − h) and u⁺ = u + Q(v⁺ − u), as in the paper:
    linear to the optimum under any contractive channel. Without a channel it is gradient tracking over I − γ(I−W).

    - `step_size`: a. `gossip_step`: γ in (0, 1]; the more is left out the smaller, and a with it.

    Each round mean(v) = mean(∇f_k(x_k)), whatever the channel does.

    >>> import accord
    >>> from accord.channels import changes, top_k
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> how = {"network": accord.networks.ring(4), "channel": changes(top_k(1))}
    >>> float(accord.run(problem, BEER(), stop=accord.Stop(rounds=400), **how).x.round(6))
    3.2

    Source: Zhao, Li, Li, Richtárik, Chi 2022, BEER: fast O(1/T) rate for decentralized nonconvex optimization with
    communication compression.
    """

    step_size: float | None = None
    gossip_step: float = 0.4

    weights: ClassVar = "doubly stochastic"
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Zhao, Li, Li, Richtárik, Chi 2022"
    rules: ClassVar = {"step_size": Rule("1/(10L)", lambda c: 1 / (10 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        return State(x, g, g)

    def message(self, state: State) -> Message:
        return Message(state.x, state.v)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = state.x + self.gossip_step * (mixed.x - state.x) - self.step_size * state.v
        g = agent.grad(x)
        return State(x, state.v + self.gossip_step * (mixed.v - state.v) + g - state.g, g)
