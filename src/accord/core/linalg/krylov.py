"""Linear algebra with an operator that is only ever applied: who asks for H v of agents never holds a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Operator = Callable[[np.ndarray], np.ndarray]


class Ritz(NamedTuple):
    """Eigenvalues as far as seen from a vector v, and the share of ‖v‖² along each."""

    values: np.ndarray
    shares: np.ndarray
    steepest: np.ndarray  # the direction of the largest, of length 1


def solve(A: Operator, b: np.ndarray, tolerance: float, most: int) -> np.ndarray:
    """A⁻¹b for a symmetric positive definite A, by conjugate gradients; stops early where A curves down.

    Source: Hestenes, Stiefel 1952.

    >>> solve(lambda v: np.array([1.0, 4.0]) * v, np.array([1.0, 2.0]), 1e-12, 10).tolist()
    [1.0, 0.5]
    """
    x, r = np.zeros_like(b), b.copy()
    v, rr = r.copy(), float(r @ r)
    goal = tolerance * np.sqrt(rr)
    for _ in range(most):
        if np.sqrt(rr) <= goal:
            break
        Av = A(v)
        curve = float(v @ Av)
        if curve <= 0:
            return x if x.any() else b
        step = rr / curve
        x, r = x + step * v, r - step * Av
        v, rr = r + float(r @ r) / rr * v, float(r @ r)
    return x


def ritz(A: Operator, v: np.ndarray, most: int) -> Ritz:
    """Return the part of the spectrum of a symmetric A seen from v: exact after as many steps as v has eigenvalues.

    The shares are weights of Gauss's quadrature: Σ shares·g(values) is vᵀg(A)v/‖v‖² for polynomials g of degree up to
    2·steps − 1. Source: Lanczos 1950; Golub, Meurant 1994.

    >>> found = ritz(lambda v: np.array([1.0, 4.0]) * v, np.array([1.0, 1.0]), 5)
    >>> found.values.round(12).tolist(), found.shares.round(12).tolist()
    ([1.0, 4.0], [0.5, 0.5])
    """
    q = v / np.linalg.norm(v)
    basis, diagonal, beside = [q], [], []
    for _ in range(min(most, len(v))):
        w = A(basis[-1])
        diagonal.append(float(basis[-1] @ w))
        for _ in range(2):  # twice is enough (Parlett): without it, eigenvalues that were found are found again
            w = w - np.array(basis).T @ (np.array(basis) @ w)
        size = float(np.linalg.norm(w))
        if size <= 1e-10 * max(map(abs, diagonal)) or len(basis) == len(v):
            break
        basis.append(w / size)
        beside.append(size)
    beside = beside[: len(diagonal) - 1]
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return Ritz(values, vectors[0] ** 2, vectors[:, -1] @ np.array(basis[: len(values)]))
