"""Eigenvalues of mixing matrices: all of them while K is small, the extreme ones beyond, and no dense matrix there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Sparse: TypeAlias = Any  # a scipy.sparse.csr_array; SciPy declares no types

DENSE_UP_TO = 2000  # agents; beyond, W is sparse and only its extreme eigenvalues are sought
_RESTARTS = 40  # of Lanczos: an expander needs no more, a ring of 100 000 would need very many
_FINE, _ROUGH = 1e-10, 1e-6  # an eigenvalue that stands alone is found finely, the edge of a crowd roughly
_FAR = 4  # times log₂ K links to the agent farthest away: nearly a line or a plane, and no expander


class Spectrum(NamedTuple):
    """The eigenvalues on which the speed of mixing depends; for asymmetric W, `second` and `least` are real parts."""

    second: float  # λ₂: the second largest
    least: float  # λ_min
    modulus: float  # σ: the second largest in absolute value, max(|λ₂|, |λ_min|) where W is symmetric


def spectrum(W: np.ndarray | Sparse, symmetric: bool, group: tuple[int, ...] = ()) -> Spectrum:
    """λ₂, λ_min and σ of W (K, K); a lone agent mixes with none, and σ = 0.

    Where agents are the elements of a cyclic `group`, or of a product of such, and w_kj depends on j − k only, the
    eigenvalues are the Fourier transform of any row: K log K operations for all of them.
    """
    if W.shape[0] == 1:
        return Spectrum(second=0.0, least=float(W[0, 0]), modulus=0.0)
    if not symmetric:
        return _asymmetric(W)
    second, least = _fourier(W, group) if group and W.shape[0] > DENSE_UP_TO else symmetric_extremes(W)
    return Spectrum(second, least, max(abs(second), abs(least)))


def _fourier(W: Sparse, group: tuple[int, ...]) -> tuple[float, float]:
    values = np.sort(np.fft.fftn(_dense(W[[0]]).reshape(group)).real, axis=None)
    return float(values[-2]), float(values[0])


def symmetric_extremes(A: np.ndarray | Sparse) -> tuple[float, float]:
    """The second largest and the least eigenvalue of a symmetric matrix with two rows or more."""
    if A.shape[0] <= DENSE_UP_TO:
        values = np.linalg.eigvalsh(_dense(A))
        return float(values[-2]), float(values[0])
    # Gershgorin: every eigenvalue lies between these, and so the one nearest to a bound is the extreme one.
    own, around = A.diagonal(), np.asarray(abs(A).sum(axis=1)).ravel() - np.abs(A.diagonal())
    high, low = float((own + around).max()), float((own - around).min())
    margin = 1e-9 * (high - low)
    return float(_extreme(A, 2, "LA", high + margin).min()), float(_extreme(A, 1, "SA", low - margin).min())


def _extreme(A: Sparse, count: int, which: str, bound: float) -> np.ndarray:
    """Lanczos where mixing is fast. Where it is slow the graph is nearly a line or a plane, and cheap to factorise."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    solve: Any = eigsh  # SciPy's default tol=0 reads as an int to a type checker
    start = np.random.default_rng(0).standard_normal(A.shape[0])  # ARPACK's own start differs from call to call
    hopeless = which == "LA" and _far_apart(A)
    for tolerance, least_distance in () if hopeless else ((_FINE, 0.0), (_ROUGH, 1e3 * _ROUGH)):
        with suppress(ArpackNoConvergence):
            found = solve(A, count, which=which, v0=start, maxiter=_RESTARTS, tol=tolerance, return_eigenvectors=False)
            if np.abs(found - bound).max() >= least_distance:  # else a gap would drown in the tolerance
                return found
    operator: Any = LinearOperator
    inverse = operator(A.shape, matvec=_inverse(A, bound), dtype=np.float64)
    return solve(A, count, sigma=bound, OPinv=inverse, v0=start, tol=_FINE, return_eigenvectors=False)


def _inverse(A: Sparse, bound: float) -> Callable[[np.ndarray], np.ndarray]:
    """(A − bound·I)⁻¹; definite, so that nothing pivots and the order is free to keep the factors thin."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import splu

    shifted = (A - bound * eye_array(A.shape[0])).tocsc()
    return splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}).solve


def _far_apart(A: Sparse) -> bool:
    """Return True where some agent is so many links away from the first that mixing must be slow."""
    from scipy.sparse.csgraph import dijkstra

    return bool(dijkstra(A != 0, indices=0, unweighted=True).max() > _FAR * np.log2(A.shape[0]))


def _asymmetric(W: np.ndarray | Sparse) -> Spectrum:
    if W.shape[0] <= DENSE_UP_TO:
        values = np.linalg.eigvals(_dense(W))
        real = np.sort(values.real)
        return Spectrum(float(real[-2]), float(real[0]), float(np.sort(np.abs(values))[-2]))
    from scipy.sparse.linalg import eigs

    start = np.random.default_rng(0).standard_normal(W.shape[0])
    ends = ((2, "LM"), (2, "LR"), (1, "SR"))
    largest, rightmost, leftmost = (
        np.asarray(eigs(W, count, which=which, v0=start, return_eigenvectors=False)) for count, which in ends
    )
    return Spectrum(float(rightmost.real.min()), float(leftmost.real.min()), float(np.abs(largest).min()))


def _dense(A: np.ndarray | Sparse) -> np.ndarray:
    return A if isinstance(A, np.ndarray) else A.toarray()
