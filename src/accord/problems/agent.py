"""An agent is its oracles: what a method may ask of private data, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.linalg.fista import fista, sequential
from accord.core.pytrees import pytree
from accord.core.trees import tree_take
from accord.problems.conv_layout import convolves, in_order
from accord.problems.data.rows import Rows
from accord.problems.data.shape import Shape
from accord.problems.sufficient_statistics import Statistics

OWN = ("share", "statistics", "complete")
"""The fields that an agent may have besides its rows and its scale, each its own."""


@pytree
@dataclass(frozen=True)
class Agent:
    """The oracles of one agent: f(x) = scale · mean of loss over its own rows.

    Opposite a server `scale` is 1 and the aggregate weighs; among peers it is K·p_k, so that Σ f_k / K = F.
    Decisions are flat vectors, or the user's own pytrees for the agent that `in_own_shape` returns.
    """

    loss: Callable[[Any, Any], Array] = field(metadata={"static": True, "weak": True})
    shape: Shape | None = field(metadata={"static": True})
    rows: Rows
    scale: Any
    share: Any = None  # a Share: its part in a shared constraint
    inner: Callable[..., Array] = field(metadata={"static": True}, default=fista)  # for what has no closed form
    apart: bool = field(metadata={"static": True}, default=False)  # other threads compute meanwhile: see `in_turn`
    statistics: Statistics | None = None  # from which it answers in place of rows
    complete: Any = None  # the share of its local steps that it gets done this time; None for all

    @property
    def size(self) -> Array:
        """The number of its examples."""
        return self.rows.size

    @property
    def capacity(self) -> int:
        """The most examples any agent has: the static bound of a loop over them."""
        return self.rows.capacity

    @property
    def capacities(self) -> tuple[int, ...]:
        """Lengths for what is worked out for a whole shard at a time, falling: the last that holds it will do."""
        lengths = [self.capacity]
        while self.rows.blocks is not None and lengths[-1] > self.rows.length:
            lengths.append(max(lengths[-1] // 4, self.rows.length))
        return tuple(lengths)

    def steps(self, count: Any) -> Any:
        """Return how many of so many local steps it gets done: all; or its share, rounded, at least one."""
        if self.complete is None:
            return count
        share = jnp.asarray(self.complete)
        return jnp.maximum(jnp.round(share * jnp.asarray(count, share.dtype)), 1).astype(jnp.int32)

    def in_own_shape(self) -> Agent:
        """The same agent for decisions in the user's own structure: a local loop unflattens once, not every step."""
        return replace(self, shape=None)

    def unflatten(self, x: Array) -> Any:
        """The vector as the user's pytree, fenced off: fused into the products, its slices would slow them 400-fold."""
        return jax.lax.optimization_barrier(self.shape.unflatten(x)) if self.shape else x

    def flatten(self, params: Any) -> Array:
        """The user's pytree as one vector, fenced off likewise."""
        return self.shape.flatten(jax.lax.optimization_barrier(params)) if self.shape else params

    @property
    def axes(self) -> Any:
        """The axes over which `vmap` maps to ask all agents at once: pages are shared, each has its own rest."""
        if self.rows.blocks is None:
            return 0
        rows = replace(self.rows, data=None, size=0, k=0, blocks=None)
        own: Any = {name: None if getattr(self, name) is None else 0 for name in OWN}
        return replace(self, rows=rows, scale=0, **own)

    def _sum(self, x: Any, rows: Any, own: Array) -> Array:
        params = self.shape.unflatten(x) if self.shape else x
        return jnp.sum(jnp.where(own, jax.vmap(self.loss, (None, 0))(params, rows), 0))

    def _slope(self, x: Any, rows: Any, own: Array) -> Any:
        slope = jax.grad(self._sum)
        return (in_order(slope) if convolves(self._sum, x, rows, own) else slope)(x, rows, own)

    def _mean(self, sums: Any, count: Array) -> Any:
        count = jnp.maximum(count, 1)  # the mean of none is 0, not 0/0
        return jax.tree.map(lambda leaf: self.scale * leaf / count.astype(leaf.dtype), sums)

    def _own(self) -> Array:
        return jnp.arange(self.capacity, dtype=jnp.int32) < self.size

    def value(self, x: Any) -> Array:
        """f(x)."""
        if self.statistics is not None:
            return self.scale * self.statistics.value(x)
        return self._mean(self.rows.summed(self._sum, x), self.size)

    def grad(self, x: Any) -> Any:
        """∇f(x)."""
        if self.statistics is not None:
            return self.scale * self.statistics.grad(x)
        return self._mean(self.rows.summed(self._slope, x), self.size)

    def hessian(self, x: Array) -> Array:
        """∇²f(x), (d, d): in closed form for quadratics, else by differentiating twice."""
        if (quadratic := self._quadratic()) is not None:
            return jnp.diag(quadratic[0]) if quadratic[0].ndim == 1 else quadratic[0]
        return self._mean(self.rows.summed(jax.hessian(self._sum), x), self.size)

    def hvp(self, x: Array) -> Callable[[Array], Array]:
        """v ↦ ∇²f(x) v, each at the price of two gradients."""
        return lambda v: jax.jvp(self.grad, (x,), (v,))[1]

    def sample_grad(self, x: Any, key: Array, batch_size: int) -> Any:
        """The gradient over `batch_size` rows drawn with replacement: unbiased for ∇f(x)."""
        drawn = jax.random.randint(key, (batch_size,), 0, jnp.maximum(self.size, 1), jnp.int32)
        own = jnp.broadcast_to(self.size > 0, (batch_size,))
        return self._mean(self._slope(x, self.rows.take(drawn), own), jnp.sum(own))

    def batch_grad(self, x: Any, batch: Array, batch_size: int, order: Array | None = None) -> Any:
        """The gradient over the `batch`-th group of `batch_size` rows, in the order given or as they lie."""
        first = batch * batch_size
        if order is None:
            rows, places = self.rows.slice(first, batch_size)  # the last group may be short: slid back, masked out
        else:
            places = first + jnp.arange(batch_size, dtype=jnp.int32)
            rows = self.rows.take(order[places % self.capacity])
        own = (places >= first) & (places < self.size)
        return self._mean(self._slope(x, rows, own), jnp.sum(own))

    def prox(self, v: Array, penalty: Array | float) -> Array:
        """argmin_x f(x) + penalty/2 ‖x − v‖²: in closed form for quadratics, else by the inner solver.

        A penalty of 0 asks for the agent's own optimum; where it has many, for the one nearest to v.
        """
        if (quadratic := self._quadratic()) is not None:
            H, q = quadratic
            if H.ndim == 1:
                curved = H + penalty
                return v - jnp.where(curved > 0, (H * v + q) / jnp.where(curved > 0, curved, 1), 0)
            if isinstance(penalty, float) and penalty == 0:
                return v - self._linear(partial(jnp.linalg.pinv, hermitian=True))(H) @ (H @ v + q)
            return self._linear(jnp.linalg.solve)(H + penalty * jnp.eye(v.size, dtype=v.dtype), penalty * v - q)
        if hasattr(self.loss, "tilted"):
            return self.loss.tilted(self.rows.all(), self._each(), penalty * v, penalty)
        return self.inner(lambda x: self.grad(x) + penalty * (x - v), v)

    def conjugate_grad(self, v: Array) -> Array:
        """∇f*(v) = argmin_x f(x) − vᵀx: the dual oracle of a strongly convex f."""
        if (quadratic := self._quadratic()) is not None:
            H, q = quadratic
            return (v - q) / H if H.ndim == 1 else self._linear(jnp.linalg.solve)(H, v - q)
        if hasattr(self.loss, "tilted"):
            return self.loss.tilted(self.rows.all(), self._each(), v, 0.0)
        return self.inner(lambda x: self.grad(x) - v, jnp.zeros_like(v))

    def best_response(self, price: Array, penalty: Array | float = 0.0, target: Array | None = None) -> Array:
        """argmin_x f(x) + λᵀA x + penalty/2 ‖A x − target‖² within the agent's own bounds."""
        share, box = self.share, self.share.box
        aim = jnp.zeros_like(price) if target is None else target
        linear = share.adjoint(price - penalty * aim)
        quadratic = self._quadratic()
        unpenalised = isinstance(penalty, float) and penalty == 0
        if quadratic is not None and quadratic[0].ndim == 1 and (unpenalised or share.separable):
            H, q = quadratic  # coordinate by coordinate
            squares = jnp.sum(share.A * share.A, 0) if share.A.ndim == 2 else share.A * share.A
            return box.cheapest(q + linear, H + penalty * squares)
        start = box.prox(jnp.zeros(box.lower.shape, price.dtype), 1.0)
        return self.inner(lambda x: self.grad(x) + linear + penalty * share.adjoint(share.apply(x)), start, box.prox)

    def allocation(self, y: Array) -> tuple[Array, Array]:
        """(x, m): argmin_x f(x) where A x − b/K = y, and the multiplier, ∇f(x) + Aᵀm = 0; A has independent rows."""
        A, target = self.share.A, y + self.share.b
        if (quadratic := self._quadratic()) is not None:
            H, q = quadratic
            H = jnp.diag(H) if H.ndim == 1 else H
            both = jnp.block([[H, A.T], [A, jnp.zeros((len(y), len(y)), A.dtype)]])
            found = self._linear(jnp.linalg.solve)(both, jnp.concatenate([-q, target]))
            return found[: len(q)], found[len(q) :]
        inverse = self._linear(jnp.linalg.pinv)(A)
        x = self.inner(self.grad, inverse @ target, lambda v, step: v - inverse @ (A @ v - target))
        return x, -inverse.T @ self.grad(x)

    def feasible_range(self) -> tuple[Array, Array]:
        """Return the range of A x − b/K within the bounds of a single number; without bounds, anything."""
        A, box = self.share.A, self.share.box
        if A.shape != (1, 1):
            everything = jnp.full_like(self.share.b, jnp.inf)
            return -everything, everything
        ends = A[0] * box.lower, A[0] * box.upper
        return jnp.minimum(*ends) - self.share.b, jnp.maximum(*ends) - self.share.b

    def contribution(self, x: Array) -> Array:
        """A x − b/K, its part of the shared constraint: the parts sum to the violation."""
        return self.share.apply(x) - self.share.b

    def stiffness(self) -> Array:
        """tr(∇²f)/‖A‖²: how little a price calls forth of what is shared; 0 where the loss is no known quadratic."""
        A = self.share.A
        if (quadratic := self._quadratic()) is None:
            return jnp.zeros((), A.dtype)
        H, _ = quadratic
        return (jnp.sum(H) if H.ndim == 1 else jnp.trace(H)) / jnp.sum(A * A)

    def _linear(self, solver: Callable[..., Array]) -> Callable[..., Array]:
        return sequential(solver) if self.apart else solver

    def _quadratic(self) -> tuple[Array, Array] | None:
        """(H, q) of f = ½xᵀHx + qᵀx + constant, where the loss knows it."""
        if self.statistics is not None:
            H, q = self.statistics.quadratic
            return self.scale * H, self.scale * q
        closed = getattr(self.loss, "quadratic", None)
        if closed is None:
            return None
        return closed(self.rows.all(), self._each())

    def _each(self) -> Array:
        """Return the weight of each row in f; zero for padding."""
        own = self._own().astype(self.scale.dtype)
        return self.scale * own / jnp.maximum(jnp.sum(own), 1)


def agent_at(agents: Agent, k: Array) -> Agent:
    """Agent k, its rows read where they lie."""
    rows, statistics = replace(agents.rows, size=agents.rows.size[k], k=k), tree_take(agents.statistics, k)
    return replace(agents, rows=rows, scale=agents.scale[k], statistics=statistics)
