"""Local work: what an agent does between two messages, on its own data alone.

All of it seeks f_k(y) + shiftᵀy + pull/2 ‖y − x‖² from the model x that was received: in steps, or to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from accord.errors import MethodError
from accord.methods.contracts import Rule
from accord.methods.traits import method


def _descend(
    agent: Any,
    x: Array,
    steps: Any,
    step_size: Any,
    grad: Callable[[Any, Any, Array], Any],
    shift: Array | None,
    pull: Array | float | None,
    centre: Array,
) -> Array:
    """y ← y − a (g_i(y) + shift + pull·(y − centre)), `steps` times from x, in the user's own structure.

    A pull shortens the step to a/(1 + a·pull), which takes it proximally: what is safe for f_k stays so under any pull.
    """
    own = agent.in_own_shape()
    start, extra, anchor = agent.unflatten(x), None, None
    if shift is not None:
        extra = agent.unflatten(shift)
    if pull is not None:
        anchor = agent.unflatten(centre)
        step_size = step_size / (1 + step_size * pull)

    def step(i: Array, y: Any) -> Any:
        g = grad(own, y, i)
        if extra is not None:
            g = jax.tree.map(jnp.add, g, extra)
        if anchor is not None:
            g = jax.tree.map(lambda g, y, c: g + pull * (y - c), g, y, anchor)
        return jax.tree.map(lambda y, g: y - step_size * g, y, g)

    return agent.flatten(jax.lax.fori_loop(0, steps, step, start))


@method
class GradientDescent:
    """Full local gradient steps: y ← y − a (∇f_k(y) + shift + pull·(y − x)), from the model x that was received.

    - `steps`: how many, τ. `step_size`: a; 1/L when not given.

    >>> GradientDescent(steps=5).work(100)
    5.0
    """

    steps: int = 1
    step_size: float | None = None

    rules: ClassVar[Mapping[str, Rule]] = {"step_size": Rule("1/L", lambda c: 1 / c.L)}
    exact: ClassVar[bool | str] = True

    def __call__(self, agent: Any, x: Array, key: Array, shift: Array | None = None, pull: Any = None) -> Array:
        return _descend(agent, x, self.count(agent), self.step_size, lambda own, y, i: own.grad(y), shift, pull, x)

    def count(self, agent: Any) -> Any:
        """Return the number of steps of an agent, τ_k."""
        return agent.steps(self.steps)

    def work(self, size: float) -> float:
        """Gradients of the whole shard that this costs an agent with `size` examples."""
        return float(self.steps)


@method
class SGD:
    """Stochastic local steps: y ← y − a (g(y) + shift + pull·(y − x)), g over `batch_size` of the agent's own rows.

    - `steps`: how many, each on rows drawn afresh with replacement; or
    - `epochs`: passes over the shard, reshuffled each time, or in order with `shuffle=False`; the last batch is short.
    - `step_size`: a; 1/(2L) when not given.

    >>> SGD(epochs=2, batch_size=20).work(100), SGD(steps=5, batch_size=20).work(100)
    (2.0, 1.0)
    """

    steps: int | None = None
    batch_size: int = 32
    step_size: float | None = None
    epochs: int | None = None
    shuffle: bool = True

    rules: ClassVar[Mapping[str, Rule]] = {"step_size": Rule("1/(2L)", lambda c: 1 / (2 * c.L))}
    needs: ClassVar = ("sample_grad",)
    exact: ClassVar[bool | str] = "a neighbourhood of the optimum, of the order of the local step size"

    def __call__(self, agent: Any, x: Array, key: Array, shift: Array | None = None, pull: Any = None) -> Array:
        if self.epochs is None:
            batch = self.batch_size

            def drawn(own: Any, y: Any, i: Array) -> Any:
                return own.sample_grad(y, jax.random.fold_in(key, i), batch)

            return _descend(agent, x, self.count(agent), self.step_size, drawn, shift, pull, x)
        batch = min(self.batch_size, agent.capacity)
        groups, y = (agent.size + batch - 1) // batch, x
        for epoch in range(self.epochs):
            order = self._order(agent, jax.random.fold_in(key, epoch)) if self.shuffle else None

            def in_turn(own: Any, y: Any, i: Array, order: Array | None = order) -> Any:
                return own.batch_grad(y, i, batch, order)

            y = _descend(agent, y, self._batches(agent, epoch, groups), self.step_size, in_turn, shift, pull, x)
        return y

    def count(self, agent: Any) -> Any:
        """Return the number of steps of an agent, τ_k; at least one."""
        if self.epochs is None:
            return agent.steps(self.steps or 1)
        batch = min(self.batch_size, agent.capacity)
        return agent.steps(jnp.maximum(self.epochs * ((agent.size + batch - 1) // batch), 1))

    def _batches(self, agent: Any, epoch: int, groups: Any) -> Any:
        """Return how many batches of an epoch an agent takes: all of them, unless it breaks off before."""
        return groups if agent.complete is None else jnp.clip(self.count(agent) - epoch * groups, 0, groups)

    @staticmethod
    def _order(agent: Any, key: Array) -> Array:
        """The agent's own rows in random order, in a sort no longer than its shard needs; beyond them the last row."""
        last = jnp.maximum(jnp.asarray(agent.size, jnp.uint32), 1) - 1
        digits = last  # all the binary digits that a row's number may have: 1 each
        for shift in (1, 2, 4, 8, 16):
            digits |= digits >> shift

        def shuffled(length: int) -> Array:
            """One sort of random numbers whose last digits are the rows': four times as fast as one that sorts both."""
            rows = jnp.arange(length, dtype=jnp.uint32)
            draw = jax.random.bits(key, (length,), jnp.uint32) & ~digits | rows
            order = jnp.sort(jnp.where(rows <= last, draw, jnp.uint32(2**32 - 1))) & digits
            return jnp.minimum(jnp.pad(order, (0, agent.capacity - length), mode="edge"), last).astype(jnp.int32)

        lengths = agent.capacities
        enough = sum(jnp.asarray(agent.size <= length, jnp.int32) for length in lengths)
        return jax.lax.switch(enough - 1, [partial(shuffled, length) for length in lengths])

    def work(self, size: float) -> float:
        """Gradients of the whole shard that this costs an agent with `size` examples."""
        return float(self.epochs) if self.epochs is not None else (self.steps or 1) * self.batch_size / max(size, 1)


@method
class ProximalPoint:
    """Local work to its end: y = argmin f_k(y) + shiftᵀy + pull/2 ‖y − x‖², by the agent's proximal oracle.

    >>> ProximalPoint().work(100)
    1.0
    """

    needs: ClassVar = ("prox",)
    rules: ClassVar[Mapping[str, Rule]] = {}
    exact: ClassVar[bool | str] = True

    def __call__(self, agent: Any, x: Array, key: Array, shift: Array | None = None, pull: Any = None) -> Array:
        """Raises `MethodError` under a method that does not pull, whose local work has no end."""
        if pull is None:
            raise MethodError(
                "ProximalPoint needs a method that pulls, such as FedProx. Give SGD or GradientDescent here."
            )
        return agent.prox(x if shift is None else x - shift / pull, pull)

    def work(self, size: float) -> float:
        """Return the work of one question to an oracle."""
        return 1.0
