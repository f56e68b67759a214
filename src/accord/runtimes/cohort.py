"""Who is asked in a round."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from accord.runtimes.plan import Purpose, key_for


@partial(jax.jit, static_argnames=("K", "size"))
def cohort_of(key: Array, t: Array | int, K: int, size: int) -> Array:
    """(size,) different clients of K at round t, every choice as likely as any other; the same in every runtime.

    >>> [sorted(cohort_of(jax.random.key(0), t, 10**6, 3).tolist()) for t in (0, 1)]
    [[403536, 672352, 872449], [144612, 210201, 367304]]
    """
    if size == K:
        return jnp.arange(K, dtype=jnp.int32)
    key = key_for(key, t, K, Purpose.COHORT)
    if 2 * size > K:
        return jax.random.choice(key, K, (size,), replace=False).astype(jnp.int32)
    return _different(key, K, size)


def _different(key: Array, K: int, size: int) -> Array:
    """Drawn with replacement, and whoever was drawn before drawn anew: the work is the cohort's, whatever K.

    No number is treated unlike another, so that by symmetry all ordered choices are equally likely.
    """

    def draw(i: Array) -> Array:
        return jax.random.randint(jax.random.fold_in(key, i), (size,), 0, K, jnp.int32)

    def again(loop: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        i, ks, before = loop
        ks = jnp.where(before, draw(i), ks)
        return i + 1, ks, _drawn_before(ks)

    first = draw(jnp.zeros((), jnp.int32))
    loop = (jnp.ones((), jnp.int32), first, _drawn_before(first))
    return jax.lax.while_loop(lambda loop: loop[2].any(), again, loop)[1]


def _drawn_before(ks: Array) -> Array:
    order = jnp.argsort(ks, stable=True)
    same = ks[order[1:]] == ks[order[:-1]]
    return jnp.zeros(len(ks), bool).at[order[1:]].set(same)
