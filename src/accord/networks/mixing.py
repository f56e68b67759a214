"""The one mixing formula, for exact, lossy, compressed and noisy networks alike: own_k + Σ_j w_kj (heard_j − said_k)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

UNROLLED = 16  # neighbours read one by one; more are gathered at once


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Dense:
    """w_kj for every pair, the diagonal left out: one matrix product a field."""

    w: Array  # (agents, heard)

    @property
    def total(self) -> Array:
        """Σ_j w_kj, all that an agent gives its neighbours."""
        return jnp.sum(self.w, 1)

    def gather(self, heard: Array) -> Array:
        """Σ_j w_kj heard_j."""
        return self.w @ heard


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sparse:
    """Each agent's neighbours and their weights, padded with weight zero: linear in the links."""

    neighbours: Array  # (agents, most neighbours)
    w: Array  # (agents, most neighbours)

    @property
    def total(self) -> Array:
        """Σ_j w_kj, all that an agent gives its neighbours."""
        return jnp.sum(self.w, 1)

    def gather(self, heard: Array) -> Array:
        """Σ_j w_kj heard_j."""
        if self.w.shape[1] > UNROLLED:
            return jnp.einsum("kj,kjd->kd", self.w, heard[self.neighbours])
        columns = range(self.w.shape[1])
        return sum(
            (self.w[:, j, None] * heard[self.neighbours[:, j]] for j in columns),
            jnp.zeros_like(heard, shape=(len(self.w), heard.shape[1])),
        )


def mix(weights: Dense | Sparse, own: Any, said: Any, heard: Any) -> Any:
    """own_k + Σ_j w_kj (heard_j − said_k), for every field of a message and every agent.

    `own` is what an agent holds, `said` what its neighbours heard from it (after its channel), both (agents, d);
    `heard` is what was said by all it may listen to, (heard, d). With symmetric W the average is preserved exactly,
    whatever the channel did.
    """
    return jax.tree.map(lambda o, s, h: o + (weights.gather(h) - weights.total[:, None] * s), own, said, heard)


def mixing_weights(W: Any, dtype: Any, agents: np.ndarray | None = None) -> Dense | Sparse:
    """The weights of `W` (dense or scipy sparse) for some or all `agents`, dense where most pairs are neighbours.

    Dense costs K² d products that stream; sparse costs a gather a neighbour. On a CPU they meet near K/8 neighbours.
    """
    import scipy.sparse as sparse

    rows = sparse.csr_array(W)
    chosen = rows if agents is None else rows[agents]
    owner = np.arange(rows.shape[0]) if agents is None else np.asarray(agents)
    entries = chosen.tocoo()
    off = entries.col != owner[entries.row]
    row, column, value = entries.row[off], entries.col[off], entries.data[off]
    degrees = np.bincount(row, minlength=len(owner))
    most = max(int(degrees.max(initial=0)), 1)
    if most > max(rows.shape[0] // 8, 2):
        w = np.zeros((len(owner), rows.shape[0]), dtype)
        w[row, column] = value
        return Dense(w)
    order = np.argsort(row, kind="stable")
    place = np.arange(len(row)) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    neighbours, w = np.repeat(owner[:, None], most, 1).astype(np.int32), np.zeros((len(owner), most), dtype)
    neighbours[row[order], place], w[row[order], place] = column[order], value[order]
    return Sparse(neighbours, w)
