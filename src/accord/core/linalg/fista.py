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

TRIES = 100  # lengths of a step that are tried: from the first to what rounding cannot distinguish from none
FASTEST = 16.0  # how much the curvature may rise between two tries: what lies beyond the point counts for little
FROM_NOWHERE = 1024.0  # the same where a step leads to numbers that overflow


class _Search(NamedTuple):
    x: Array  # iterate
    y: Array  # extrapolated point
    L: Array  # curvature met so far: the step is 1/L
    t: Array  # Nesterov's sequence
    step: Array  # steps taken
    scale: Array  # the largest |x| met
    moved: Array  # size of the last move relative to the scale


class _Trial(NamedTuple):
    x: Array  # where a step of 1/L leads
    L: Array
    curved: Array  # the curvature on the way there; NaN where it overflows
    well: Array  # whether the step is no longer than that allows
    tries: Array


def fista(
    grad: Callable[[Array], Array],
    x0: Array,
    prox: Callable[[Array, Array], Array] | None = None,
    max_steps: int = 2000,
) -> Array:
    """The minimiser of f + r, to the precision of x0's dtype: FISTA with backtracking and gradient restart.

    `grad` is ∇f, convex and smooth; `prox(v, step)` is the proximal operator of r, or None.
    The step shrinks while ⟨∇f(x⁺)−∇f(y), x⁺−y⟩ > L‖x⁺−y‖², a test that rounding does not upset near the optimum. It
    ends when a move is rounding beside the largest |x| met, in any units, and after `max_steps` in any case.
    Source: Beck, Teboulle 2009; O'Donoghue, Candès 2015 (restart).

    >>> fista(lambda x: x - jnp.array([1.0, 2.0]), jnp.zeros(2)).round(5).tolist()
    [1.0, 2.0]
    """
    return _search(grad, x0, prox, max_steps).x


def last_move(
    grad: Callable[[Array], Array],
    x0: Array,
    prox: Callable[[Array, Array], Array] | None = None,
    max_steps: int = 2000,
) -> Array:
    """The size of the last move of `fista` relative to x, in x's place: rounding, where it came to its end.

    >>> float(last_move(lambda x: x - jnp.array([1.0, 2.0]), jnp.zeros(2))[0]) < 1e-6
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
        scale = jnp.maximum(s.scale, _size(x))
        return _Search(x, y, L, t, s.step + 1, scale, _size(x - s.y) / jnp.where(scale > 0, scale, 1))

    def unfinished(s: _Search) -> Array:
        return (s.step < max_steps) & (s.moved > 4 * eps)

    one, none, far = jnp.ones((), x0.dtype), jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, x0.dtype)
    start = _Search(x0, x0, _first_curvature(grad, x0), one, none, _size(x0), far)
    return jax.lax.while_loop(unfinished, advance, start)


def _size(x: Array) -> Array:
    return jnp.max(jnp.abs(x))


def _first_curvature(grad: Callable[[Array], Array], x0: Array) -> Array:
    """Estimate f's curvature at x0 along its gradient; where f is straight, a value that allows the longest step."""
    g = grad(x0)
    steep = _size(g)
    v = jnp.where(steep > 0, g / jnp.where(steep > 0, steep, 1), 1)
    curved = jnp.abs(jnp.vdot(v, jax.jvp(grad, (x0,), (v,))[1])) / jnp.vdot(v, v)
    least = jnp.finfo(x0.dtype).eps * steep / jnp.where(_size(x0) > 0, _size(x0), 1)
    return jnp.where(curved > 0, curved, jnp.where(least > 0, least, 1)).astype(x0.dtype)


def _stepped(
    grad: Callable[[Array], Array], project: Callable[[Array, Array], Array], y: Array, L: Array
) -> tuple[Array, Array]:
    """x⁺ = prox(y − ∇f(y)/L), L raised, at least twofold, until it is no less than the curvature on the way there.

    What a trial was found to be is kept with it: worked out again to decide whether to go on, it may round otherwise,
    and a loop that goes on for one answer and stands still for the other has no end.
    """
    g = grad(y)

    def attempt(L: Array, tries: Array) -> _Trial:
        x = project(y - g / L, 1 / L)
        move = x - y
        length = jnp.vdot(move, move)
        curved = jnp.where(length == 0, 0, jnp.vdot(grad(x) - g, move) / jnp.where(length == 0, 1, length))
        return _Trial(x, L, curved, curved <= (1 + 1e-3) * L, tries)

    def shorter(trial: _Trial) -> _Trial:
        rise = jnp.where(jnp.isfinite(trial.curved), jnp.clip(trial.curved / trial.L, 2, FASTEST), FROM_NOWHERE)
        return attempt(rise * trial.L, trial.tries + 1)

    first = attempt(L, jnp.zeros((), jnp.int32))
    found = jax.lax.while_loop(lambda trial: ~trial.well & (trial.tries < TRIES), shorter, first)
    return found.x, found.L


def sequential(solver: Callable[..., Array]) -> Callable[..., Array]:
    """A solver of linear algebra whose systems, under `vmap`, are solved one after another.

    JAX divides a batch of them over the threads of its one pool, and waits there: two threads of a program that do so
    at a time wait for each other for ever.

    >>> halves = jax.vmap(sequential(jnp.linalg.solve), (None, 0))(2 * jnp.eye(1), jnp.ones((3, 1)))
    >>> halves.ravel().tolist()
    [0.5, 0.5, 0.5]
    """
    asked = custom_vmap(solver)

    def one_after_another(count: int, mapped: Any, *given: Array) -> tuple[Array, bool]:
        own = [
            value if yes else jnp.broadcast_to(value, (count, *value.shape))
            for value, yes in zip(given, mapped, strict=True)
        ]
        return jax.lax.map(lambda one: solver(*one), own), True

    asked.def_vmap(one_after_another)
    return asked
