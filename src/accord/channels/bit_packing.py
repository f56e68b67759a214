"""Whole numbers of a few bits, packed into bytes."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def pack(codes: Array, bits: int) -> Array:
    """(d,) uint32 below 2^bits as ⌈d·bits/8⌉ bytes, the low bit first.

    >>> pack(jnp.array([1, 2, 3], jnp.uint32), 2).tolist()
    [156]
    """
    places = jnp.arange(bits, dtype=jnp.uint32)
    return jnp.packbits(((codes[:, None] >> places) & 1).astype(jnp.uint8).ravel())


def unpack(packed: Array, d: int, bits: int) -> Array:
    """The d numbers that were packed.

    >>> unpack(jnp.array([156], jnp.uint8), 3, 2).tolist()
    [1, 2, 3]
    """
    places = jnp.arange(bits, dtype=jnp.uint32)
    one_by_one = jnp.unpackbits(packed, count=d * bits).reshape(d, bits).astype(jnp.uint32)
    return jnp.sum(one_by_one << places, axis=1, dtype=jnp.uint32)
