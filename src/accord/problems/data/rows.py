"""Rows of data as an agent sees them: alone, in a stack of shards of one length, or in pages among those of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

from accord.core.pytrees import pytree

Part = Callable[[Any, Any, Array], Any]
"""The term that some rows add to a sum, given x, the rows, and which of them count."""


class Blocks(NamedTuple):
    """Shards of very different sizes, one after another in pages of one length: only an agent's last one is padded."""

    first: Any  # (K,) the row at which agent k's pages begin
    owner: Any  # (pages,) whose each is
    filled: Any  # (pages,) how many of its rows are the owner's


@pytree
@dataclass(frozen=True)
class Rows:
    """One agent's examples; or, with `k`, agent k's within the stack, or the pages, of all agents.

    A loop over agents indexes the stack at [k, i] and so reads a minibatch where it lies; slicing out
    agent k first would copy the whole shard for every agent and round.
    """

    data: Any
    size: Any  # how many of them are the agent's own: the rest is padding
    k: Any = None
    blocks: Blocks | None = None
    length: int = field(metadata={"static": True}, default=0)  # rows a page
    most: int = field(metadata={"static": True}, default=0)  # rows that the largest agent's pages hold

    @property
    def capacity(self) -> int:
        """Rows with padding, of the largest shard: the static bound of a loop over them."""
        if self.blocks is not None:
            return self.most
        return jax.tree.leaves(self.data)[0].shape[0 if self.k is None else 1]

    def all(self) -> Any:
        """Return every row, padding included."""
        if self.blocks is not None:
            return self.take(jnp.minimum(jnp.arange(self.most, dtype=jnp.int32), jnp.maximum(self.size - 1, 0)))
        return self.data if self.k is None else jax.tree.map(lambda leaf: leaf[self.k], self.data)

    def slice(self, first: Array | int, length: int) -> tuple[Any, Array]:
        """`length` consecutive rows, and which they are: from `first`, or from before it where the data end sooner."""
        if self.blocks is not None:
            base, end = self.blocks.first[self.k], jax.tree.leaves(self.data)[0].shape[0]
            start = jnp.minimum(base + first, end - length)
            rows = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, length), self.data)
            return rows, start - base + jnp.arange(length, dtype=jnp.int32)
        start = jnp.minimum(jnp.asarray(first, jnp.int32), self.capacity - length)
        if self.k is None:
            rows = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, length), self.data)
        else:
            rows = jax.tree.map(lambda leaf: _of_stack(leaf, self.k, start, length), self.data)
        return rows, start + jnp.arange(length, dtype=jnp.int32)

    def take(self, indices: Array) -> Any:
        """The rows at `indices`."""
        if self.blocks is not None:
            places = self.blocks.first[self.k] + indices
            return jax.tree.map(lambda leaf: leaf[places], self.data)
        return jax.tree.map(lambda leaf: leaf[indices] if self.k is None else leaf[self.k, indices], self.data)

    def summed(self, part: Part, x: Any) -> Any:
        """Return the sum over all the agent's own rows: a pytree of sums."""
        if self.blocks is None:
            return part(x, self.all(), jnp.arange(self.capacity, dtype=jnp.int32) < self.size)
        return _block_by_block(part, self.length)(x, self.k, self.size, self.blocks, self.data)


def _of_stack(leaf: Array, k: Array, start: Array, length: int) -> Array:
    zeros = (jnp.zeros((), jnp.int32),) * (leaf.ndim - 2)
    return jax.lax.dynamic_slice(leaf, (k.astype(jnp.int32), start, *zeros), (1, length, *leaf.shape[2:]))[0]


AT_ONCE = 4
"""Pages that an agent who is asked alone takes at a time, as long as it has so many left."""


def _in_turn(part: Part, length: int, x: Any, k: Array, size: Array, book: Blocks, data: Any) -> Any:
    """Return the sum over one agent's pages, several at a time as long as so many are left."""
    rows = Rows(data, size, k, book, length)

    def of(first: Any, count: int) -> Any:
        page, places = rows.slice(first * length, count * length)
        return part(x, page, (places >= first * length) & (places < size))

    def add(count: int, i: Array, total: Any) -> Any:
        return jax.tree.map(jnp.add, total, of(i * count, count))

    one = jax.eval_shape(lambda first: of(first, 1), jnp.zeros((), jnp.int32))
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), one)
    pages = (size + length - 1) // length
    several = min(AT_ONCE, len(jax.tree.leaves(data)[0]) // length)
    total = jax.lax.fori_loop(0, pages // several, partial(add, several), nothing)
    return jax.lax.fori_loop(pages // several * several, pages, partial(add, 1), total)


def _block_by_block(part: Part, length: int) -> Callable[..., Any]:
    """The sum over an agent's pages: in a loop when it is asked alone, in one batch when all agents are.

    In the batch every page stands for its owner, so that no agent's work is padded to the largest agent's.
    """
    alone = partial(_in_turn, part, length)

    def together(count: int, mapped: Any, x: Any, k: Array, size: Array, pages: Blocks, data: Any) -> Any:
        own_x, own_k, *_ = mapped
        everyone = own_k and count == len(pages.first) and not any(jax.tree.leaves(mapped[3:]))
        if not everyone:  # some agents, several questions to one, or data of several sets
            axes = jax.tree.map(lambda yes: 0 if yes else None, mapped)
            total = jax.vmap(alone, tuple(axes))(x, k, size, pages, data)
        else:
            asked = jnp.zeros(len(pages.first), jnp.int32).at[k].set(jnp.arange(count, dtype=jnp.int32))
            book = jax.tree.map(lambda leaf: leaf.reshape(-1, length, *leaf.shape[1:]), data)
            total = jax.tree.map(lambda leaf: leaf[k], _by_owner(part, pages, book, x, own_x, asked))
        return total, jax.tree.map(lambda _: True, total)

    asked = custom_vmap(alone)
    asked.def_vmap(together)

    @jax.custom_jvp
    def total(*given: Any) -> Any:
        return asked(*given)

    @total.defjvp
    def _(given: Any, moved: Any) -> Any:
        """A sum of derivatives: differentiated itself, a batch would take each agent's number for another batch."""
        x, *rest = given

        def slope(at: Any, rows: Any, own: Array) -> Any:
            return jax.jvp(lambda x: part(x, rows, own), at[:1], at[1:])[1]

        return total(*given), _block_by_block(slope, length)((x, moved[0]), *rest)

    return total


LARGE = 4096
"""Numbers of a decision from which a CPU does one page after another: XLA tiles a product of matrices, but no batch."""


def _by_owner(part: Part, pages: Blocks, book: Any, x: Any, own: Any, asked: Array) -> Any:
    """Return every page's part at its owner's x (one for all where it is not `own`), added up by owner."""
    K, length = len(pages.first), jax.tree.leaves(book)[0].shape[1]
    counts = jnp.arange(length, dtype=jnp.int32) < pages.filled[:, None]
    of = lambda owner: jax.tree.map(lambda leaf, own: leaf[asked[owner]] if own else leaf, x, own)  # noqa: E731
    if sum(leaf[0].size if mine else leaf.size for leaf, mine in zip(*map(jax.tree.leaves, (x, own)))) < LARGE:
        parts = jax.vmap(part, (jax.tree.map(lambda own: 0 if own else None, own), 0, 0))(of(pages.owner), book, counts)
        return jax.tree.map(lambda leaf: jax.ops.segment_sum(leaf, pages.owner, K, indices_are_sorted=True), parts)

    def add(total: Any, page: Any) -> tuple[Any, None]:
        owner, rows, counts = page
        new = part(of(owner), rows, counts)
        return jax.tree.map(lambda leaf, new: leaf.at[owner].add(new), total, new), None

    one = jax.eval_shape(
        lambda page: part(of(page[0]), *page[1:]), jax.tree.map(lambda v: v[0], (pages.owner, book, counts))
    )
    nothing = jax.tree.map(lambda leaf: jnp.zeros((K, *leaf.shape), leaf.dtype), one)
    return jax.lax.scan(add, nothing, (pages.owner, book, counts))[0]
