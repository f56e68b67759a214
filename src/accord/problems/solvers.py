"""The one inner solver: accelerated proximal gradient descent that finds its own step size and restarts itself.

It answers what has no closed form: a proximal point, a best response, the centralised optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap


class _Search(NamedTuple):
    x: Array  # iterate
    y: Array  # extrapolated point
    L: Array  # curvature met so far: the step is 1/L
    t: Array  # Nesterov's sequence
    step: Array  # steps taken
    moved: Array  # size of the last move relative to the iterate's


def minimise(
    grad: Callable[[Array], Array],
    x0: Array,
    prox: Callable[[Array, Array], Array] | None = None,
    max_steps: int = 2000,
) -> Array:
    """The minimiser of f + r, to the precision of x0's dtype: FISTA with backtracking and gradient restart.

    `grad` is ∇f, convex and smooth; `prox(v, step)` is the proximal operator of r, or None.
    The step halves while ⟨∇f(x⁺)−∇f(y), x⁺−y⟩ > L‖x⁺−y‖², a test that rounding does not upset near the optimum.
    Source: Beck, Teboulle 2009; O'Donoghue, Candès 2015 (restart).

    >>> minimise(lambda x: x - jnp.array([1.0, 2.0]), jnp.zeros(2)).round(5).tolist()
    [1.0, 2.0]
    """
    return _search(grad, x0, prox, max_steps).x


def left_to_go(
    grad: Callable[[Array], Array],
    x0: Array,
    prox: Callable[[Array, Array], Array] | None = None,
    max_steps: int = 2000,
) -> Array:
    """The size of the last move of `minimise` relative to x, in x's place: rounding, where it came to its end.

    >>> float(left_to_go(lambda x: x - jnp.array([1.0, 2.0]), jnp.zeros(2))[0]) < 1e-6
    True
    """
    found = _search(grad, x0, prox, max_steps)
    return jnp.full_like(x0, found.moved)


def _search(
    grad: Callable[[Array], Array], x0: Array, prox: Callable[[Array, Array], Array] | None, max_steps: int
) -> _Search:
    project = prox or (lambda v, step: v)
    eps = jnp.finfo(x0.dtype).eps

    def advance(s: _Search) -> _Search:
        x, L = _stepped(grad, project, s.y, s.L)
        restart = jnp.vdot(s.y - x, x - s.x) > 0
        t = jnp.where(restart, 1.0, (1 + jnp.sqrt(1 + 4 * s.t * s.t)) / 2).astype(s.t.dtype)
        y = jnp.where(restart, x, x + (s.t - 1) / t * (x - s.x))
        moved = jnp.max(jnp.abs(x - s.y)) / jnp.maximum(jnp.max(jnp.abs(x)), 1)
        return _Search(x, y, L, t, s.step + 1, moved)

    def unfinished(s: _Search) -> Array:
        return (s.step < max_steps) & (s.moved > 4 * eps)

    one = jnp.ones((), x0.dtype)
    L0 = jnp.maximum(jnp.linalg.norm(grad(x0)) / 1e2, 1e-6).astype(x0.dtype)
    start = _Search(x0, x0, jnp.minimum(L0, one), one, jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, x0.dtype))
    return jax.lax.while_loop(unfinished, advance, start)


def _stepped(
    grad: Callable[[Array], Array], project: Callable[[Array, Array], Array], y: Array, L: Array
) -> tuple[Array, Array]:
    """x⁺ = prox(y − ∇f(y)/L), with the first of L, 2L, 4L, ... that is no less than the curvature on the way there."""
    g = grad(y)

    def attempt(L: Array) -> tuple[Array, Array]:
        return project(y - g / L, 1 / L), L

    def too_long(trial: tuple[Array, Array]) -> Array:
        x, L = trial
        move = x - y
        well = jnp.vdot(grad(x) - g, move) <= (1 + 1e-3) * L * jnp.vdot(move, move)
        return ~well & jnp.isfinite(L)  # where a step too long overflows, neither is more than the other

    return jax.lax.while_loop(too_long, lambda trial: attempt(2 * trial[1]), attempt(L))


def in_turn(solver: Callable[..., Array]) -> Callable[..., Array]:
    """A solver of linear algebra whose systems, under `vmap`, are solved one after another.

    JAX divides a batch of them over the threads of its one pool, and waits there: two threads of a program that do so
    at a time wait for each other for ever.

    >>> halves = jax.vmap(in_turn(jnp.linalg.solve), (None, 0))(2 * jnp.eye(1), jnp.ones((3, 1)))
    >>> halves.ravel().tolist()
    [0.5, 0.5, 0.5]
    """
    asked = custom_vmap(solver)

    def one_after_another(count: int, mapped: Any, *given: Array) -> tuple[Array, bool]:
        own = [value if yes else jnp.broadcast_to(value, (count, *value.shape))
               for value, yes in zip(given, mapped, strict=True)]  # fmt: skip
        return jax.lax.map(lambda one: solver(*one), own), True

    asked.def_vmap(one_after_another)
    return asked
