"""Ragged private data: one shard an agent, side by side with padding that is never sampled and never summed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from accord.errors import DataError
from accord.problems.data.rows import Blocks, Rows

OVERHEAD = 8
"""The cost of a page besides its rows, in rows: its owner is looked up, and it is added to the owner's (measured)."""

WORTH = 1.25
"""The factor by which a stack has to hold more rows before shards are kept in pages instead."""


def layout(shards: tuple[Any, ...], sizes: np.ndarray, even: bool = False) -> Rows:
    """Lay out all shards as one: in a stack where they are about equally long, or have to be `even`; else in pages.

    >>> layout((np.zeros(9), np.zeros(8)), np.array([9, 8])).data.shape
    (2, 9)
    >>> layout((np.zeros(64), *[np.zeros(1)] * 7), np.array([64, *[1] * 7])).data.shape
    (120,)
    """
    length = 0 if even else block_length(sizes)
    if not length:
        return Rows(stack(shards), sizes.astype(np.int32))
    places = block_count(sizes, length)
    flat = jax.tree.map(lambda *leaves: _one_after_another(leaves, places, length), *shards)
    return in_blocks(flat, sizes, places, length, int(sizes.max()))


def in_blocks(flat: Any, sizes: np.ndarray, places: Blocks, length: int, largest: int) -> Rows:
    """Rows that lie in pages already."""
    ks = np.arange(len(sizes), dtype=np.int32)
    return Rows(flat, sizes.astype(np.int32), ks, places, length, -(-largest // length) * length)


def pack_blocks(rows: Any, sizes: np.ndarray, length: int, largest: int, room: int) -> Rows:
    """Rows that come one agent's after another's, bound in pages; `room` pages in all, those beyond the agents' empty.

    Who is fetched differs from round to round, and the room need not, so that nothing is compiled anew.
    """
    places = block_count(sizes, length)
    used, ends = len(places.owner), np.cumsum(sizes)
    places = places._replace(
        owner=np.pad(places.owner, (0, room - used), constant_values=len(sizes) - 1),
        filled=np.pad(places.filled, (0, room - used)),
    )
    own = places.owner[:used]
    within = np.arange(used) * length - places.first[own]  # rows of the owner before each page
    lines = within[:, None] + np.arange(length)
    source = (ends - sizes)[own][:, None] + np.minimum(lines, sizes[own][:, None] - 1)
    source = np.pad(source.ravel(), (0, (room - used) * length))

    def copied(leaf: np.ndarray) -> np.ndarray:
        return np.take(leaf, source, axis=0, out=aligned((len(source), *leaf.shape[1:]), leaf.dtype), mode="clip")

    return in_blocks(jax.tree.map(copied, rows), sizes, places, length, largest)


def views(rows: Rows, sizes: np.ndarray) -> tuple[Any, ...]:
    """The shards again, each where it now lies."""
    if rows.blocks is None:
        return tuple(jax.tree.map(lambda leaf, k=k, n=n: leaf[k, :n], rows.data) for k, n in enumerate(sizes))
    ranges = zip(rows.blocks.first.tolist(), sizes.tolist(), strict=True)
    return tuple(jax.tree.map(lambda leaf, i=i, n=n: leaf[i : i + n], rows.data) for i, n in ranges)


class Held:
    """Shards where they lie: as they came; once they are laid out for all agents at once, views of that one copy."""

    def __init__(self, shards: Any) -> None:
        self.shards = shards

    def laid_out(self, sizes: np.ndarray, even: bool) -> Rows:
        """Lay out all shards as one; from now on the data are there, and only there."""
        rows = layout(self.shards, sizes, even)
        self.shards = views(rows, sizes)
        return rows


def block_length(sizes: np.ndarray) -> int:
    """Rows a page, a power of two, for the least work in all; 0 where a stack is hardly more.

    >>> block_length(np.array([100] * 8)), block_length(np.array([10, 30, 100, 300, 1000, 3000]))
    (0, 128)
    """
    lengths = [2**i for i in range(3, int(sizes.max()).bit_length() + 1)]
    work = {length: int((-(-sizes // length)).sum()) * (length + OVERHEAD) for length in lengths}
    best = min(work, key=work.__getitem__, default=0)
    return best if best and len(sizes) * int(sizes.max()) > WORTH * work[best] else 0


def block_count(sizes: np.ndarray, length: int) -> Blocks:
    """Lay out the pages of all agents one after another."""
    counts = -(-sizes // length)
    ends = np.cumsum(counts)
    owner = np.repeat(np.arange(len(sizes), dtype=np.int32), counts)
    before = np.arange(ends[-1]) - (ends - counts)[owner]  # pages of the same owner before each
    filled = np.minimum(length, sizes[owner] - before * length)
    first = np.minimum(ends - counts, ends[-1] - 1) * length  # of an agent that has none, another's
    return Blocks(first.astype(np.int32), owner, filled.astype(np.int32))


def _one_after_another(leaves: tuple[np.ndarray, ...], places: Blocks, length: int) -> np.ndarray:
    """The leaves in pages; padding repeats real rows."""
    flat = aligned((len(places.owner) * length, *leaves[0].shape[1:]), leaves[0].dtype)
    for leaf, first in zip(leaves, places.first.tolist(), strict=True):
        n, padded = len(leaf), -(-len(leaf) // length) * length
        flat[first : first + n] = leaf
        if padded > n:
            flat[first + n : first + padded] = leaf[np.arange(padded - n) % n]
    return flat


def stack(shards: tuple[Any, ...]) -> Any:
    """Stack all shards in one pytree with leading axes (agent, row).

    Padding repeats real rows, so that a loss and its gradient are finite there and masking them out is exact.
    """
    donor = max(shards, key=size)
    capacity = size(donor)

    def side_by_side(*leaves: np.ndarray) -> np.ndarray:
        *own, spare = leaves
        every = aligned((len(own), *spare.shape), spare.dtype)

        def fill(ks: np.ndarray) -> None:
            for k in ks:
                n = len(own[k])
                every[k, :n] = own[k]
                if n < capacity:
                    every[k, n:] = own[k][np.arange(n, capacity) % n] if n else spare

        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(cores) as pool:  # memory that is new comes slowly, and to each core by itself
            list(pool.map(fill, np.array_split(np.arange(len(own)), cores)))
        return every

    return jax.tree.map(side_by_side, *shards, donor)


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array that JAX may read in place: XLA's CPU devices share memory that starts at 64 bytes."""
    buffer = np.empty(math.prod(shape) * dtype.itemsize + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + buffer.size - 64].view(dtype).reshape(shape)


def concatenated(shards: Iterable[Any]) -> Any:
    """Concatenate the rows of shards, leaf by leaf."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *shards)


def nonempty(shards: Any, k: int, sizes: np.ndarray) -> Any:
    """Shard k; where it is empty, another's as padding: arrays without rows cannot be indexed."""
    return shards[k if sizes[k] else int(np.argmax(sizes))]


def size(shard: Any) -> int:
    """Return the number of examples in a shard."""
    return int(np.shape(jax.tree.leaves(shard)[0])[0])


def checked(shards: Any) -> tuple[Any, ...]:
    """The shards as NumPy pytrees, once they agree in structure and hold nothing but finite numbers.

    Raises `DataError` with the agent and the field: FAULTS 1 (NaN), 3 (all empty), 4 (dimension), 5 (dtype).
    """
    shards = tuple(arrays(shard, k) for k, shard in enumerate(shards))
    if not shards:
        raise DataError("There are no shards, so there is no agent. Give one shard (a pytree of arrays) an agent.")
    for k, shard in enumerate(shards):
        _check_lengths(k, shard)
        _check_values(k, shard)
    model = max(shards, key=size)
    for k, shard in enumerate(shards):
        _check_like(k, shard, model)
    if all(size(shard) == 0 for shard in shards):
        raise DataError(f"All {len(shards)} agents have zero examples. Give at least one agent some data.")
    check_range(shards)
    return shards


def arrays(shard: Any, k: int) -> Any:
    """A shard with NumPy arrays for leaves; what would lose its meaning as one is refused."""
    paths, tree = jax.tree_util.tree_flatten_with_path(shard, is_leaf=_is_sparse)
    for path, leaf in paths:
        if _is_sparse(leaf):
            raise DataError(
                f"Agent {k}: {field(path)} is a sparse {type(leaf).__name__}. Give a dense array: "
                f".{'todense' if hasattr(leaf, 'todense') else 'toarray'}()."
            )
        if isinstance(leaf, np.ma.MaskedArray) and (count := int(np.ma.count_masked(leaf))):
            raise DataError(
                f"Agent {k}: {field(path)} has {count} masked values, which an array without a mask would "
                "bring back. Remove or impute them: .filled(value)."
            )
    return jax.tree.unflatten(tree, [np.asarray(leaf) for _, leaf in paths])


def _is_sparse(leaf: Any) -> bool:
    """Return True where a leaf is a sparse matrix, of SciPy or of JAX, which need not be imported to find out."""
    return type(leaf).__module__.startswith(("scipy.sparse", "jax.experimental.sparse"))


def check_range(shards: tuple[Any, ...], dtype: np.dtype | None = None) -> None:
    """Refuse numbers whose sum of squares overflows in `dtype`, or in their own precision (FAULTS 7).

    Every loss squares its data sooner or later, if only for its curvature; an infinity there is met by no one.
    """
    for k, shard in enumerate(shards):
        for path, leaf in jax.tree_util.tree_leaves_with_path(shard):
            if leaf.dtype.kind != "f" or not leaf.size:
                continue
            precision = leaf.dtype if dtype is None else dtype
            if dtype is not None and np.finfo(dtype).max >= np.finfo(leaf.dtype).max:
                continue  # this was asked when the problem was made
            largest = max(float(leaf.max()), -float(leaf.min()))
            if largest * leaf.size**0.5 > float(np.finfo(precision).max) ** 0.5:
                raise DataError(
                    f"Agent {k}: {field(path)} holds {largest:.3g}, whose square overflows {precision}. "
                    "Change its unit, standardise it (Problem.from_table does), or use float64 data "
                    "and x0."
                )


def field(path: Any) -> str:
    """Return the name of a leaf of a shard: (features, targets) by convention, else its path."""
    name = jax.tree_util.keystr(path)
    return {"[0]": "features", "[1]": "targets", "": "data"}.get(name, name)


def _check_lengths(k: int, shard: Any) -> None:
    leaves = jax.tree_util.tree_leaves_with_path(shard)
    if not leaves:
        raise DataError(f"Agent {k} has no arrays. A shard is a pytree of arrays with a leading example axis.")
    for path, leaf in leaves:
        if leaf.ndim == 0:
            raise DataError(f"Agent {k}: {field(path)} is a single number. Give an array with a leading example axis.")
        if len(leaf) != len(leaves[0][1]):
            raise DataError(
                f"Agent {k}: {field(leaves[0][0])} has {len(leaves[0][1])} examples, but {field(path)} has "
                f"{len(leaf)}. Give one row of each an example."
            )


def _check_values(k: int, shard: Any) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(shard):
        if leaf.dtype.kind not in "fiub":
            raise DataError(
                f"Agent {k}: {field(path)} has dtype {leaf.dtype}, and only numbers can be learnt from. "
                "Encode it first, or use Problem.from_table, which does."
            )
        if leaf.dtype.kind == "f" and (bad := int(leaf.size - np.isfinite(leaf).sum())):
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(leaf))[0])
            raise DataError(
                f"Agent {k}: {field(path)} holds {bad} values that are NaN or infinite, the first at "
                f"{where}. "
                "Remove or impute them; Problem.from_table(missing='mean') imputes without "
                "pooling."
            )


def _check_like(k: int, shard: Any, model: Any) -> None:
    if jax.tree.structure(shard) != jax.tree.structure(model):
        raise DataError(
            f"Agent {k}'s shard is structured as {jax.tree.structure(shard)}, the others' as "
            f"{jax.tree.structure(model)}. Give all agents the same fields."
        )
    for (path, leaf), expected in zip(jax.tree_util.tree_leaves_with_path(shard), jax.tree.leaves(model), strict=True):
        if leaf.shape[1:] != expected.shape[1:]:
            raise DataError(
                f"Agent {k}: an example of {field(path)} has shape {leaf.shape[1:]}, the others' has "
                f"{expected.shape[1:]}. Bring all agents to the same columns in the same "
                "order."
            )
        if leaf.dtype != expected.dtype:
            raise DataError(
                f"Agent {k}: {field(path)} has dtype {leaf.dtype}, the others' has {expected.dtype}. "
                f"Convert it: .astype({str(expected.dtype)!r})."
            )
