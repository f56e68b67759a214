"""Eigenvalues of mixing matrices: all of them while K is small, the extreme ones beyond."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Sparse: TypeAlias = Any  # a scipy.sparse.csr_array; SciPy declares no types

DENSE_UP_TO = 2000  # agents; beyond, W is sparse and only its extreme eigenvalues are sought
_RESTARTS = 40  # of Lanczos: an expander needs no more, a ring of 100 000 would need very many
_FINE, _ROUGH = 1e-10, 1e-6  # an eigenvalue that stands alone is found finely, the edge of a crowd roughly


class Spectrum(NamedTuple):
    """What the speed of mixing depends on; for asymmetric W, `second` and `least` are real parts."""

    second: float  # λ₂: the second largest
    least: float  # λ_min
    modulus: float  # σ: the second largest in absolute value, max(|λ₂|, |λ_min|) where W is symmetric


def spectrum(W: np.ndarray | Sparse, symmetric: bool) -> Spectrum:
    """λ₂, λ_min and σ of W (K, K); a lone agent mixes with nobody, and σ = 0."""
    if W.shape[0] == 1:
        return Spectrum(second=0.0, least=float(W[0, 0]), modulus=0.0)
    if symmetric:
        second, least = symmetric_extremes(W)
        return Spectrum(second, least, max(abs(second), abs(least)))
    return _asymmetric(W)


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
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    solve: Any = eigsh  # SciPy's default tol=0 reads as an int to a type checker
    start = np.random.default_rng(0).standard_normal(A.shape[0])  # ARPACK's own start differs from call to call
    for tolerance, least_distance in ((_FINE, 0.0), (_ROUGH, 1e3 * _ROUGH)):
        with suppress(ArpackNoConvergence):
            found = solve(A, count, which=which, v0=start, maxiter=_RESTARTS, tol=tolerance, return_eigenvectors=False)
            if np.abs(found - bound).max() >= least_distance:  # else a gap would drown in the tolerance
                return found
    return solve(A.tocsc(), count, sigma=bound, v0=start, tol=_FINE, return_eigenvectors=False)


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
