"""Rules that turn a graph into a mixing matrix W, whose entry w_kj is the weight agent k gives to agent j's message."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accord.errors import NetworkError
from accord.networks.spectrum import DENSE_UP_TO, Sparse, symmetric_extremes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Links(NamedTuple):
    """Directed links, one entry a message a round, ordered by target and then by source."""

    sources: np.ndarray  # (links,) senders: j
    targets: np.ndarray  # (links,) receivers: k
    weights: np.ndarray  # (links,) w_kj


def stored(W: ArrayLike | Sparse) -> np.ndarray | Sparse:
    """A copy of W in float64 that cannot be changed by accident: dense up to 2000 agents, sparse beyond."""
    from scipy.sparse import csr_array, issparse

    matrix: Sparse = W if issparse(W) else np.asarray(W)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise NetworkError(
            f"A mixing matrix is square, a row and a column an agent, but W has the shape {matrix.shape}."
        )
    if not np.issubdtype(matrix.dtype, np.number) or np.issubdtype(matrix.dtype, np.complexfloating):
        raise NetworkError(
            f"A mixing matrix holds real numbers, but W holds {matrix.dtype}. Give the weights as floats."
        )
    sparse: Sparse = csr_array(matrix, dtype=np.float64, copy=True)
    sparse.sum_duplicates()
    if not np.isfinite(sparse.data).all():
        entries = sparse.tocoo()
        first = np.flatnonzero(~np.isfinite(entries.data))[0]
        k, j = entries.row[first], entries.col[first]
        raise NetworkError(
            f"Weight w[{k}, {j}], of agent {k} for agent {j}, is not finite. Give every link a finite weight."
        )
    if sparse.shape[0] > DENSE_UP_TO:
        return sparse
    dense = sparse.toarray()
    dense.flags.writeable = False
    return dense


def both_ways(size: int, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets of undirected links; a link named twice counts once, a link to oneself not at all."""
    return one_way(size, np.concatenate([first, second]), np.concatenate([second, first]))


def one_way(size: int, sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets in order; a link named twice counts once, a link to oneself not at all."""
    others = sources != targets
    code = np.unique(targets[others].astype(np.int64) * size + sources[others])
    return code % size, code // size


def metropolis(size: int, sources: np.ndarray, targets: np.ndarray) -> Sparse:
    """w_kj = 1 / (1 + max(d_k, d_j)): symmetric and doubly stochastic, from the degrees of neighbours alone."""
    degrees = np.bincount(targets, minlength=size)
    return left_over_to_self(size, sources, targets, 1 / (1 + np.maximum(degrees[sources], degrees[targets])))


def push(size: int, sources: np.ndarray, targets: np.ndarray) -> Sparse:
    """w_kj = 1 / (1 + the receivers of j): each agent splits what it has evenly, so that columns sum to one."""
    hearers = np.bincount(sources, minlength=size)
    return left_over_to_self(size, targets, sources, 1 / (1 + hearers[sources])).T.tocsr()


def pull(size: int, sources: np.ndarray, targets: np.ndarray) -> Sparse:
    """w_kj = 1 / (1 + the senders to k): each agent averages evenly what it receives, so that rows sum to one."""
    heard = np.bincount(targets, minlength=size)
    return left_over_to_self(size, sources, targets, 1 / (1 + heard[targets]))


def best_constant(size: int, sources: np.ndarray, targets: np.ndarray) -> Sparse:
    """W = I − 2/(λ₂ + λ_max) Lap: the best that one weight for all links can do (Xiao & Boyd 2004, §4.1)."""
    minus_laplacian = _matrix(size, sources, targets, np.ones(len(sources)), -np.bincount(targets, minlength=size))
    minus_second, minus_largest = symmetric_extremes(minus_laplacian)
    return constant(size, sources, targets, -2 / (minus_second + minus_largest))


def constant(size: int, sources: np.ndarray, targets: np.ndarray, weight: float | np.ndarray) -> Sparse:
    """W = I − weight · Lap, or the same with a weight a link."""
    return left_over_to_self(size, sources, targets, np.broadcast_to(weight, sources.shape))


def lazy(W: Sparse) -> Sparse:
    """(I + W)/2."""
    from scipy.sparse import csr_array, eye_array

    return csr_array((W + eye_array(W.shape[0])) / 2)


def without(W: Sparse, agent: int, keep_columns: bool) -> Sparse:
    """W of those who stay: what they gave to the leaver, or received from it, falls back on themselves."""
    from scipy.sparse import csr_array, diags_array

    stay = np.delete(np.arange(W.shape[0]), agent)
    lost = W[[agent], :] if keep_columns else W[:, [agent]]
    return csr_array(W[stay][:, stay] + diags_array(lost.toarray().ravel()[stay]))


def left_over_to_self(size: int, sources: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Sparse:
    """The matrix with these weights off its diagonal, and on it what is left to one in each row."""
    return _matrix(size, sources, targets, weights, 1 - np.bincount(targets, weights, minlength=size))


def _matrix(size: int, sources: np.ndarray, targets: np.ndarray, weights: np.ndarray, own: np.ndarray) -> Sparse:
    from scipy.sparse import csr_array

    agents = np.arange(size)
    where = (np.concatenate([targets, agents]), np.concatenate([sources, agents]))
    return csr_array((np.concatenate([weights, own]), where), shape=(size, size), dtype=np.float64)
