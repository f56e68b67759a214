"""A vector in two: the parts that an agent keeps to itself, given as ranges (first, end) of places, and the rest."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

Ranges = tuple[tuple[int, int], ...]


def taken(x: Array, ranges: Ranges) -> Array:
    """The parts.

    >>> taken(jnp.arange(6.0), ((1, 3), (5, 6))).tolist()
    [1.0, 2.0, 5.0]
    """
    return jnp.concatenate([x[first:end] for first, end in ranges] or [x[:0]])


def left(x: Array, ranges: Ranges) -> Array:
    """The rest.

    >>> left(jnp.arange(6.0), ((1, 3), (5, 6))).tolist()
    [0.0, 3.0, 4.0]
    """
    return taken(x, _between(ranges, len(x)))


def joined(rest: Array, parts: Array, ranges: Ranges) -> Array:
    """The vector whose rest and parts these are.

    >>> x, ranges = jnp.arange(6.0), ((1, 3), (5, 6))
    >>> joined(left(x, ranges), taken(x, ranges), ranges).tolist() == x.tolist()
    True
    """
    pieces, at = [], [0, 0]
    order = sorted([*((r, 1) for r in ranges), *((r, 0) for r in _between(ranges, len(rest) + len(parts)))])
    for (first, end), own in order:
        pieces.append((rest, parts)[own][at[own] : at[own] + end - first])
        at[own] += end - first
    return jnp.concatenate(pieces)


def _between(ranges: Ranges, size: int) -> Ranges:
    edges = [0, *(place for pair in sorted(ranges) for place in pair), size]
    return tuple((a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)
