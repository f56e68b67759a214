"""CHOCO-SGD: gossip by compressed changes."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    half: Array  # the iterate after its own step, before it is combined


class Message(NamedTuple):
    half: Array


@method
class CHOCO:
    """x½ = x − a ∇f(x), x⁺ = x½ + γ Σ_j w_kj (x̂_j − x̂_k): a step of its own, then a careful one towards the neighbours.

    The public copies x̂⁺ = x̂ + Q(x½ − x̂) are kept by the channel `changes`, e.g.
    `channel=channels.changes(channels.top_k(10))`. Without a channel it is diffusion over I − γ(I−W). Naive compression
    of x½ itself does not converge.

    - `step_size`: a < 2/L. `gossip_step`: γ in (0, 1]; the more is left out the smaller.

    >>> import accord
    >>> from accord.channels import changes, top_k
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> how = {"network": accord.networks.ring(4), "channel": changes(top_k(1)), "stop": accord.Stop(rounds=400)}
    >>> float(accord.run(problem, CHOCO(0.1), **how).x.round(6))
    2.25

    Source: Koloskova, Stich, Jaggi 2019, Decentralized stochastic optimization and gossip algorithms with compressed
    communication. The γ of its theory is a thousand times smaller than what works.
    """

    step_size: float | None = None
    gossip_step: float = 0.4

    weights: ClassVar = "doubly stochastic"
    exact: ClassVar = "a floor of the order of the step size over the spectral gap"
    reference: ClassVar = "Koloskova, Stich, Jaggi 2019"
    rules: ClassVar = {"step_size": Rule("1/(3L)", lambda c: 1 / (3 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        return State(x, x - self.step_size * agent.grad(x))

    def message(self, state: State) -> Message:
        return Message(state.half)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        x = state.half + self.gossip_step * (mixed.half - state.half)
        return State(x, x - self.step_size * agent.grad(x))
