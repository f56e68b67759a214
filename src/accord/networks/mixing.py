"""The one mixing formula, exact, lossy, compressed or noisy: own_k + Σ_j w_kj (heard_j − said_k)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

UNROLLED = 16  # neighbours read one by one; more are gathered at once


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Weights:
    """w_kj of some agents, the diagonal left out: a matrix, or each agent's neighbours padded with weight zero.

    `link` numbers the undirected link behind every entry, where links can fail. `given` are the w_jk by which an agent
    hands its own on, where they differ from what it takes: columns that sum to one keep the total (push-sum).
    """

    w: Any  # (agents, heard), or (agents, most neighbours)
    neighbours: Any = None  # (agents, most neighbours), or None for a matrix
    link: Any = None
    given: Any = None
    given_link: Any = None

    @property
    def total(self) -> Array:
        """What each agent hands on of its own: Σ_j w_kj, or Σ_j w_jk where columns sum to one."""
        return jnp.sum(self.w if self.given is None else self.given, 1)

    def gather(self, heard: Array) -> Array:
        """Σ_j w_kj heard_j, (agents, d)."""
        if self.neighbours is None:
            return self.w @ heard
        if self.w.shape[1] > UNROLLED:
            return jnp.einsum("kj,kjd->kd", self.w, heard[self.neighbours])
        parts = [self.w[:, j, None] * heard[self.neighbours[:, j]] for j in range(self.w.shape[1])]
        return reduce(jnp.add, parts)

    def over(self, alive: Array) -> Weights:
        """Only the links that are alive; the weight of the others falls back on the agents at both ends."""
        given = None if self.given is None else self.given * alive[self.given_link].astype(self.w.dtype)
        return replace(self, w=self.w * alive[self.link].astype(self.w.dtype), given=given)


def mix(weights: Any, own: Any, said: Any, heard: Any) -> Any:
    """own_k + Σ_j w_kj (heard_j − said_k), for every agent and every field of a message.

    `own` is what an agent holds, `said` what the others heard from it (after its channel), both (agents, d); `heard` is
    what was said by all it may listen to, (heard, d). `weights` serve all fields, or are a message of weights.
    With symmetric W the average is preserved exactly, whatever the channel did.
    """
    if isinstance(weights, Weights):
        return jax.tree.map(lambda o, s, h: o + (weights.gather(h) - weights.total[:, None] * s), own, said, heard)
    return type(own)(*(mix(*field) for field in zip(weights, own, said, heard, strict=True)))


def mixing_weights(W: Any, dtype: Any, agents: np.ndarray | None = None, *, columns: bool = False,
                   links: np.ndarray | None = None, dense: bool | None = None) -> Weights:  # fmt: skip
    """The weights of `W` (dense or scipy sparse) for some or all `agents`, a matrix where most pairs are neighbours.

    A matrix costs K² d products that stream; lists cost a gather a neighbour. On a CPU they meet near K/8 neighbours.
    `columns`: W's columns sum to one, so agents hand on by column. `links` is (E, 2), the undirected links in order.
    """
    import scipy.sparse as sparse

    rows: Any = sparse.csr_array(W)
    owner = np.arange(rows.shape[0]) if agents is None else np.asarray(agents)
    neighbours, w, link = _lists(rows[owner], owner, dtype, links)
    given, given_link = None, None
    if columns:
        _, given, given_link = _lists(sparse.csr_array(rows.T)[owner], owner, dtype, links)
    if dense if dense is not None else neighbours.shape[1] > max(rows.shape[0] // 8, 2):
        at = np.arange(len(owner))[:, None], neighbours
        matrix, number = np.zeros((len(owner), rows.shape[0]), dtype), np.zeros((len(owner), rows.shape[0]), np.int32)
        matrix[at] += w
        number[at] = link
        neighbours, w, link = None, matrix, number
    if links is None:
        return Weights(w, neighbours, given=given)
    return Weights(w, neighbours, link, given, given_link)


def _lists(
    rows: Any, owner: np.ndarray, dtype: Any, links: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours, weights and link numbers of each agent, padded with itself at weight zero."""
    entries = rows.tocoo()
    off = entries.col != owner[entries.row]
    row, column, value = entries.row[off], entries.col[off], entries.data[off]
    degrees = np.bincount(row, minlength=len(owner))
    most = max(int(degrees.max(initial=0)), 1)
    order = np.argsort(row, kind="stable")
    place = np.arange(len(row)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    neighbours, w = np.repeat(owner[:, None], most, 1).astype(np.int32), np.zeros((len(owner), most), dtype)
    neighbours[row[order], place], w[row[order], place] = column[order], value[order]
    link = np.zeros(w.shape, np.int32)
    if links is not None:
        codes = links[:, 0] * rows.shape[1] + links[:, 1]  # links are ordered pairs in ascending order
        low, high = np.minimum(owner[row[order]], column[order]), np.maximum(owner[row[order]], column[order])
        link[row[order], place] = np.searchsorted(codes, low * rows.shape[1] + high)
    return neighbours, w, link
