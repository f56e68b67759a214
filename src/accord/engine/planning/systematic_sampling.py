"""Systematic sampling: cohorts in which a client is as likely as it weighs, so that the mean of replies is unbiased.

Each client has an interval of the length of its chance π_k on a line of length m, in some order; the points u, u+1,
..., u+m−1 with u uniform in [0, 1) fall into m intervals, none of them twice (Madow 1949). Lengths are whole numbers of
units of about m·2⁻³², so that chances are exact in any precision, and a reply counts p_k over the chance that it has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

BLOCKS = 128
"""Stretches of the line that change places from round to round. Their ranks come of comparing pairs: no sort."""


class Design(NamedTuple):
    """The line: where each client's interval ends, and where the line is cut."""

    order: Any  # (K,) clients along the line, drawn once by the seed
    ends: Any  # (K,) where each one's interval ends, in units
    cuts: Any  # (blocks + 1,) from 0 to m, in units
    counts: Any  # (K,) p_k/π_k: what the reply of a client counts that was drawn


def inclusion(p: np.ndarray, size: int) -> np.ndarray:
    """(K,) π_k = min(1, m p_k), rescaled over the rest where some are capped, so that Σ π_k = m.

    Clients without a weight are drawn only where too few have one, and count nothing.

    >>> inclusion(np.array([0.8, 0.1, 0.1]), 2).round(9).tolist()
    [1.0, 0.5, 0.5]
    """
    chance, free = np.zeros(len(p)), p > 0
    while True:
        if not free.any():
            free = chance == 0
            return np.where(free, (size - chance.sum()) / max(free.sum(), 1), chance)
        share = np.where(free, p, 0) * ((size - chance.sum()) / p[free].sum())
        if not (certain := share >= 1).any():
            return chance + share
        chance[certain], free = 1, free & ~certain


def designed(p: np.ndarray, size: int, seed: int) -> Design:
    """The line for cohorts of `size` under weights that add up to one."""
    K = len(p)
    order = np.random.default_rng(seed).permutation(K)
    lengths = _lengths(inclusion(p, size), size)
    ends = np.cumsum(lengths[order], dtype=np.uint32)
    cuts = np.concatenate([[0], ends])[np.linspace(0, K, min(K, BLOCKS) + 1).astype(int)]
    counts = np.divide(p * _unit(size), lengths, out=np.zeros(K), where=(p > 0))
    return Design(order.astype(np.int32), ends, cuts.astype(np.uint32), counts.astype(p.dtype))


def _unit(size: int) -> int:
    """Units in a chance of one: a power of two, so that bits are a uniform draw, and m of them fit into 32 bits."""
    return 1 << (32 - size.bit_length())


def _lengths(chance: np.ndarray, size: int) -> np.ndarray:
    """(K,) chances in whole units that add up to m: at least one unit where there is a chance, at most all."""
    unit, some = _unit(size), (chance > 0) & (chance < 1)
    lengths = np.where(chance >= 1, unit, some).astype(np.int64)
    left, free = size * unit - int(lengths.sum()), np.flatnonzero(some)
    if len(free):
        lengths[free] += np.floor(chance[free] * (left / chance[free].sum())).astype(np.int64)
        rest = size * unit - int(lengths.sum())  # fewer than there are clients: one unit each for the shortest
        lengths[free[np.argsort(lengths[free], kind="stable")[:rest]]] += 1
    return lengths


def drawn_by(design: Design, key: Array, size: int) -> Array:
    """(size,) different clients: the blocks in an order of this round, and the points on that line.

    Clients of different blocks are drawn together as in an order all of which is new: π_kl ≈ π_k π_l. Up to `BLOCKS`
    clients that is all (Hartley, Rao 1962). Those of one block keep their distance: two within less than 1 of
    each other never meet in a cohort, as under Madow's fixed order. The work is O(m log K).
    """
    bits = jax.random.bits(key, (len(design.cuts),), jnp.uint32)
    number = jnp.arange(len(bits) - 1, dtype=jnp.int32)
    before = (bits[:-1] < bits[:-1, None]) | ((bits[:-1] == bits[:-1, None]) & (number < number[:, None]))
    return points_at(design, before, bits[-1] >> size.bit_length(), size)


def points_at(design: Design, before: Array, u: Array, size: int) -> Array:
    """The clients at u, u+1, ... where `before[b]` marks the blocks before block b; u in units."""
    masses = design.cuts[1:] - design.cuts[:-1]
    start = jnp.sum(jnp.where(before, masses, 0), 1, dtype=jnp.uint32)
    rank = jnp.sum(before, 1, dtype=jnp.int32)
    block_at = jnp.zeros_like(rank).at[rank].set(jnp.arange(len(rank), dtype=jnp.int32))
    points = u + jnp.arange(size, dtype=jnp.uint32) * jnp.uint32(_unit(size))
    block = block_at[jnp.searchsorted(start[block_at], points, side="right") - 1]
    place = points - start[block] + design.cuts[block]
    return jnp.asarray(design.order)[jnp.searchsorted(jnp.asarray(design.ends), place, side="right")]
