"""Push-pull (AB): gradient tracking on directed graphs without division."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from jax import Array

from accord.methods.contracts import Rule
from accord.methods.traits import method


class State(NamedTuple):
    x: Array  # iterate
    y: Array  # tracker: its sum is that of the gradients
    g: Array  # own gradient at x


class Message(NamedTuple):
    x: Any  # x − a y
    y: Any


@method
class PushPull:
    """x⁺ = R (x − a y), y⁺ = C y + ∇f(x⁺) − ∇f(x): models are pulled by rows, gradients pushed by columns.

    The rows of R and the columns of C sum to one. Each round Σ y_k = Σ ∇f_k(x_k).

    - `step_size`: a; its limit shrinks with the mixing, 1−σ.

    >>> import accord, networkx
    >>> problem = accord.problems.quadratic(H=[1.0, 2.0, 3.0, 4.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> graph = networkx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
    >>> network = accord.networks.from_networkx(graph)
    >>> answer = accord.run(problem, PushPull(), network=network, stop=accord.Stop(rounds=900))
    >>> float(answer.x.round(6))
    3.2

    Source: Xin, Khan 2018, A linear algorithm over directed graphs (AB); Pu, Shi, Xu, Nedić 2021 (Push-Pull).
    """

    step_size: float | None = None

    weights: ClassVar = Message(x="row stochastic", y="column stochastic")
    bears: ClassVar = ("lose", "sleep", "vary")
    reference: ClassVar = "Xin, Khan 2018; Pu, Shi, Xu, Nedić 2021"
    rules: ClassVar = {"step_size": Rule("(1−σ)/(4L)", lambda c: (1 - c.sigma) / (4 * c.L))}

    def init(self, x: Array, agent: Any, key: Array) -> State:
        g = agent.grad(x)
        return State(x, y=g, g=g)

    def message(self, state: State) -> Message:
        return Message(state.x - self.step_size * state.y, state.y)

    def update(self, state: State, mixed: Message, agent: Any, key: Array) -> State:
        g = agent.grad(mixed.x)
        return State(mixed.x, mixed.y + g - state.g, g)
