"""The choice of the clients of a round."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.random import Purpose, key_for
from accord.engine.planning.systematic_sampling import Design, drawn_by

FEW = 128
"""Clients up to which pairs are compared: a sort takes a second to compile."""


@partial(jax.jit, static_argnames=("K", "size"))
def sample_clients(key: Array, t: Array | int, K: int, size: int, design: Design | None = None) -> Array:
    """(size,) different clients of K at round t, the same in every runtime.

    Without a design every choice is as likely as any other; with one, client k is drawn with the chance π_k that it has
    there.

    >>> [sorted(sample_clients(jax.random.key(0), t, 10**6, 3).tolist()) for t in (0, 1)]
    [[307655, 360299, 752572], [196841, 440672, 667358]]
    """
    if size == K:
        return jnp.arange(K, dtype=jnp.int32)
    key = key_for(key, t, K, Purpose.COHORT)
    if design is not None:
        return drawn_by(design, key, size)
    if 2 * size > K:
        return jax.random.choice(key, K, (size,), replace=False).astype(jnp.int32)
    return _different(key, K, size)


def _different(key: Array, K: int, size: int) -> Array:
    """Drawn with replacement, and repeated clients drawn anew: the work is the cohort's, whatever K.

    No number is treated unlike another, so that by symmetry all ordered choices are equally likely.
    """

    whole = jnp.uint32(2**32 // K * K - 1)  # a draw beyond the last whole K is none: the first numbers come no oftener

    def again(loop: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        i, ks, missing = loop
        draw = jax.random.bits(jax.random.fold_in(key, i), (size,), jnp.uint32)
        number = jnp.where(draw <= whole, (draw % jnp.uint32(K)).astype(jnp.int32), -1)
        ks = jnp.where(missing, number, ks)
        return i + 1, ks, _drawn_before(ks) | (ks < 0)

    nobody = (jnp.zeros((), jnp.int32), jnp.zeros(size, jnp.int32), jnp.ones(size, bool))
    return jax.lax.while_loop(lambda loop: loop[2].any(), again, nobody)[1]


def _drawn_before(ks: Array) -> Array:
    if len(ks) <= FEW:
        return jnp.tril(ks[:, None] == ks, -1).any(1)
    order = jnp.argsort(ks, stable=True)
    same = ks[order[1:]] == ks[order[:-1]]
    return jnp.zeros(len(ks), bool).at[order[1:]].set(same)
