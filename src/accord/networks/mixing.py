"""The one mixing formula, exact, lossy, compressed or noisy: own_k + Σ_j w_kj (heard_j − said_k)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.pytrees import pytree

CROWDED = 8
"""The cost of reading a neighbour, in entries of a matrix: 6 to 12 on two cores (benchmarks/mixing.py)."""

PLACES = 32
"""The most neighbours in one row of a list: they are read one by one, which is quicker than all at once, in a line of
the program each."""

OVERFLOW = 16
"""The cost of a further row of an agent, in places (benchmarks/mixing.py)."""


@pytree
@dataclass(frozen=True)
class Weights:
    """w_kj of some agents, the diagonal left out: a matrix, or each agent's neighbours padded with weight zero.

    An agent with more neighbours than a row has places goes on in rows beyond the first, one for each agent, and `more`
    names those agents: memory is linear in links and agents, whatever the degrees.
    `link` numbers the undirected link behind every entry, where links can fail. `given` are the w_jk by which an agent
    hands its own on, where they differ from what it takes: columns that sum to one keep the total (push-sum).
    """

    w: Any  # (agents, heard), or (rows, places)
    neighbours: Any = None  # (rows, places), or None for a matrix
    more: Any = None  # (rows − agents,) the agents of the rows beyond the first; None for a matrix
    link: Any = None
    given: Any = None
    given_more: Any = None
    given_link: Any = None

    @property
    def total(self) -> Array:
        """The sum of what each agent hands on of its own: Σ_j w_kj, or Σ_j w_jk where columns sum to one."""
        w, more = (self.w, self.more) if self.given is None else (self.given, self.given_more)
        return _of_agents(jnp.sum(w, 1), more)

    def gather(self, heard: Array) -> Array:
        """Σ_j w_kj heard_j, (agents, d)."""
        if self.neighbours is None:
            return self.w @ heard
        if self.w.shape[1] > PLACES:
            parts = jnp.einsum("kj,kjd->kd", self.w, heard[self.neighbours])
        else:
            read = [self.w[:, j, None] * heard[self.neighbours[:, j]] for j in range(self.w.shape[1])]
            parts = reduce(jnp.add, read)
        return _of_agents(parts, self.more)

    def over(self, alive: Array) -> Weights:
        """Only the links that are alive; the weight of the others falls back on the agents at both ends."""
        given = None if self.given is None else self.given * alive[self.given_link].astype(self.w.dtype)
        return replace(self, w=self.w * alive[self.link].astype(self.w.dtype), given=given)


def _of_agents(rows: Array, more: Array | None) -> Array:
    """The rows of each agent added up."""
    if more is None or not len(more):
        return rows
    agents = len(rows) - len(more)
    return rows[:agents].at[more].add(rows[agents:])


def mix(weights: Any, own: Any, said: Any, heard: Any) -> Any:
    """own_k + Σ_j w_kj (heard_j − said_k), for every agent and every field of a message.

    `own` is what an agent holds, `said` what the others received from it (after its channel), both (agents, d); `heard`
    is what was sent by all it may receive from, (heard, d). `weights` serve all fields, or are a message of weights.
    With symmetric W the average is preserved exactly, whatever the channel did.
    """
    if isinstance(weights, Weights):
        return jax.tree.map(lambda o, s, h: o + (weights.gather(h) - weights.total[:, None] * s), own, said, heard)
    return type(own)(*(mix(*field) for field in zip(weights, own, said, heard, strict=True)))


def mixing_weights(
    W: Any,
    dtype: Any,
    agents: np.ndarray | None = None,
    *,
    links: np.ndarray | None = None,
    columns: bool = False,
    dense: bool | None = None,
    whole: bool = False,
) -> Weights:
    """The weights of `W` (dense or scipy sparse) for some or all `agents`, a matrix where it is quicker than lists.

    `columns`: W's columns sum to one, so agents hand on by column. `links` is (E, 2), the undirected links in order.
    `whole`: every agent's neighbours in one row, however many.
    """
    import scipy.sparse as sparse

    rows: Any = sparse.csr_array(W)
    owner = np.arange(rows.shape[0]) if agents is None else np.asarray(agents)
    entries = _entries(rows[owner], owner, links)
    shape = len(owner), rows.shape[0]
    dense = _is_crowded(entries, *shape) if dense is None else dense
    weights = _matrix(entries, shape, dtype) if dense else _lists(entries, owner, dtype, whole)
    if columns:
        handed = _lists(_entries(sparse.csr_array(rows.T)[owner], owner, links), owner, dtype, whole)
        weights = replace(weights, given=handed.w, given_more=handed.more, given_link=handed.link)
    return weights if links is not None else replace(weights, link=None, given_link=None)


def crowded(W: Any) -> bool:
    """Return True where `W` is so dense that a matrix, K² entries that stream, is quicker than lists.

    >>> from accord import networks
    >>> [crowded(network.W) for network in (networks.ring(100), networks.complete(100), networks.star(100))]
    [False, True, False]
    """
    import scipy.sparse as sparse

    rows: Any = sparse.csr_array(W)
    return _is_crowded(_entries(rows, np.arange(rows.shape[0]), None), *rows.shape)


class Entries(NamedTuple):
    """Weights off the diagonal, one entry a directed link, ordered by the row of the receiver."""

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    link: np.ndarray  # the number of the undirected link; zeros where links cannot fail


def _entries(rows: Any, owner: np.ndarray, links: np.ndarray | None) -> Entries:
    entries = rows.tocoo()
    off = np.flatnonzero((entries.col != owner[entries.row]) & (entries.data != 0))
    off = off[np.argsort(entries.row[off], kind="stable")]
    row, column, value = entries.row[off], entries.col[off].astype(np.int64), entries.data[off]
    if links is None:
        return Entries(row, column, value, np.zeros(len(row), np.int32))
    codes = links[:, 0] * rows.shape[1] + links[:, 1]  # links are ordered pairs in ascending order
    low, high = np.minimum(owner[row], column), np.maximum(owner[row], column)
    return Entries(row, column, value, np.searchsorted(codes, low * rows.shape[1] + high).astype(np.int32))


def _is_crowded(entries: Entries, agents: int, heard: int) -> bool:
    degrees = np.bincount(entries.row, minlength=agents)
    return _cost(degrees, _places(degrees)) > agents * max(heard / CROWDED, 2)


def _places(degrees: np.ndarray) -> int:
    """Return how many neighbours a row should hold, for the least work in all."""
    most = max(int(degrees.max(initial=0)), 1)
    return min(range(1, min(most, PLACES) + 1), key=lambda places: _cost(degrees, places))


def _cost(degrees: np.ndarray, places: int) -> int:
    beyond = int(np.maximum(-(-degrees // places) - 1, 0).sum())
    return (len(degrees) + beyond) * places + OVERFLOW * beyond


def _matrix(entries: Entries, shape: tuple[int, int], dtype: Any) -> Weights:
    matrix, number = np.zeros(shape, dtype), np.zeros(shape, np.int32)
    matrix[entries.row, entries.column] = entries.value
    number[entries.row, entries.column] = entries.link
    return Weights(matrix, link=number)


def _lists(entries: Entries, owner: np.ndarray, dtype: Any, whole: bool) -> Weights:
    """Neighbours, weights and link numbers of each agent, padded with itself at weight zero."""
    agents = np.arange(len(owner))
    degrees = np.bincount(entries.row, minlength=len(owner))
    places = max(int(degrees.max(initial=0)), 1) if whole else _places(degrees)
    beyond = np.maximum(-(-degrees // places) - 1, 0)
    more = np.repeat(agents, beyond)
    rank = np.arange(len(entries.row)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    piece, place = np.divmod(rank, places)
    further = len(owner) + (np.cumsum(beyond) - beyond)[entries.row] + piece - 1
    at = np.where(piece == 0, entries.row, further), place
    neighbours = np.repeat(owner[np.concatenate([agents, more])][:, None], places, 1).astype(np.int32)
    w, link = np.zeros(neighbours.shape, dtype), np.zeros(neighbours.shape, np.int32)
    neighbours[at], w[at], link[at] = entries.column, entries.value, entries.link
    return Weights(w, neighbours, more.astype(np.int32), link)
