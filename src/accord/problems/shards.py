"""Ragged private data: one shard an agent, stacked with padding that is never sampled and never summed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import DataError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Rows:
    """One agent's examples; or, with `k`, agent k's within the stack of everybody's.

    A loop over agents indexes the stack at [k, i] and so reads a minibatch where it lies; slicing out
    agent k first would copy the whole shard for every agent and round.
    """

    data: Any
    size: Any  # how many of them are the agent's own: the rest is padding
    k: Any = None

    @property
    def capacity(self) -> int:
        """Rows with padding."""
        return jax.tree.leaves(self.data)[0].shape[0 if self.k is None else 1]

    def all(self) -> Any:
        """Every row, padding included."""
        return self.data if self.k is None else jax.tree.map(lambda leaf: leaf[self.k], self.data)

    def slice(self, start: Array | int, length: int) -> Any:
        """`length` consecutive rows from `start`."""
        if self.k is None:
            return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, length), self.data)

        def cut(leaf: Array) -> Array:
            zeros = (jnp.zeros((), jnp.int32),) * (leaf.ndim - 2)
            corner = (self.k.astype(jnp.int32), jnp.asarray(start, jnp.int32), *zeros)
            return jax.lax.dynamic_slice(leaf, corner, (1, length, *leaf.shape[2:]))[0]

        return jax.tree.map(cut, self.data)

    def take(self, indices: Array) -> Any:
        """The rows at `indices`."""
        return jax.tree.map(lambda leaf: leaf[indices] if self.k is None else leaf[self.k, indices], self.data)


def stack(shards: tuple[Any, ...]) -> Any:
    """All shards in one pytree with leading axes (agent, row).

    Padding repeats real rows, so that a loss and its gradient are finite there and masking them out is exact.
    """
    capacity = max(size(shard) for shard in shards)
    donor = max(shards, key=size)

    def padded(shard: Any) -> Any:
        n = size(shard)
        if n == capacity:
            return shard
        source, first = (shard, n) if n else (donor, capacity)
        return jax.tree.map(lambda leaf: np.asarray(leaf)[np.arange(capacity) % first], source)

    return jax.tree.map(_side_by_side, *(padded(shard) for shard in shards))


def _side_by_side(*leaves: np.ndarray) -> np.ndarray:
    """The leaves stacked where JAX may read them in place: XLA's CPU devices share memory that starts at 64 bytes."""
    shape, dtype = (len(leaves), *leaves[0].shape), leaves[0].dtype
    buffer = np.empty(math.prod(shape) * dtype.itemsize + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    stack = buffer[start : start + buffer.size - 64].view(dtype).reshape(shape)
    return np.stack(leaves, out=stack)


def inhabited(shards: tuple[Any, ...], k: int) -> Any:
    """Shard k; where it is empty, another's as padding: arrays without rows cannot be indexed."""
    return shards[k] if size(shards[k]) else max(shards, key=size)


def size(shard: Any) -> int:
    """How many examples a shard has."""
    return int(np.shape(jax.tree.leaves(shard)[0])[0])


def checked(shards: Any) -> tuple[Any, ...]:
    """The shards as NumPy pytrees, once they agree in structure and hold nothing but finite numbers.

    Raises `DataError` with the agent and the field: FAULTS 1 (NaN), 3 (all empty), 4 (dimension), 5 (dtype).
    """
    shards = tuple(jax.tree.map(np.asarray, shard) for shard in shards)
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


def check_range(shards: tuple[Any, ...], dtype: np.dtype | None = None) -> None:
    """Refuse numbers whose sum of squares overflows in `dtype`, or in their own precision (FAULTS 7).

    Every loss squares its data sooner or later, if only for its curvature; an infinity there is met by no one.
    """
    for k, shard in enumerate(shards):
        for path, leaf in jax.tree_util.tree_leaves_with_path(shard):
            if leaf.dtype.kind != "f" or not leaf.size:
                continue
            precision = leaf.dtype if dtype is None else dtype
            largest = max(float(leaf.max()), -float(leaf.min()))
            if largest * leaf.size**0.5 > float(np.finfo(precision).max) ** 0.5:
                raise DataError(f"Agent {k}: {field(path)} holds {largest:.3g}, whose square overflows {precision}. "
                                "Change its unit, standardise it (Problem.from_table does), or use float64 data "
                                "and x0.")  # fmt: skip


def field(path: Any) -> str:
    """What a leaf of a shard is called: (features, targets) by convention, else its path."""
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
            raise DataError(f"Agent {k}: {field(leaves[0][0])} has {len(leaves[0][1])} examples, but {field(path)} has "
                            f"{len(leaf)}. Give one row of each an example.")  # fmt: skip


def _check_values(k: int, shard: Any) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(shard):
        if leaf.dtype.kind not in "fiub":
            raise DataError(f"Agent {k}: {field(path)} has dtype {leaf.dtype}, and only numbers can be learnt from. "
                            "Encode it first, or use Problem.from_table, which does.")  # fmt: skip
        if leaf.dtype.kind == "f" and (bad := int(leaf.size - np.isfinite(leaf).sum())):
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(leaf))[0])
            raise DataError(f"Agent {k}: {field(path)} holds {bad} values that are NaN or infinite, the first at "
                            f"{where}. "
                            "Remove or impute them; Problem.from_table(missing='mean') imputes without "
                            "pooling.")  # fmt: skip


def _check_like(k: int, shard: Any, model: Any) -> None:
    if jax.tree.structure(shard) != jax.tree.structure(model):
        raise DataError(f"Agent {k}'s shard is structured as {jax.tree.structure(shard)}, the others' as "
                        f"{jax.tree.structure(model)}. Give all agents the same fields.")  # fmt: skip
    for (path, leaf), expected in zip(jax.tree_util.tree_leaves_with_path(shard), jax.tree.leaves(model), strict=True):
        if leaf.shape[1:] != expected.shape[1:]:
            raise DataError(f"Agent {k}: an example of {field(path)} has shape {leaf.shape[1:]}, the others' has "
                            f"{expected.shape[1:]}. Bring all agents to the same columns in the same "
                            "order.")  # fmt: skip
        if leaf.dtype != expected.dtype:
            raise DataError(f"Agent {k}: {field(path)} has dtype {leaf.dtype}, the others' has {expected.dtype}. "
                            f"Convert it: .astype({str(expected.dtype)!r}).")  # fmt: skip
