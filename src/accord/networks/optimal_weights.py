"""The fastest mixing weights on a graph, by a semidefinite program. The only file here that needs CVXPY."""

from __future__ import annotations

import warnings

import numpy as np

from accord.errors import MissingExtra, NetworkError
from accord.networks.spectrum import Sparse, spectrum
from accord.networks.weights import best_constant, constant


def fastest(size: int, sources: np.ndarray, targets: np.ndarray) -> Sparse:
    """The symmetric W of least ‖W − 11ᵀ/K‖₂ on this graph.

    With a weight w_l an undirected link l = (i, j), W = I − Σ_l w_l (e_i − e_j)(e_i − e_j)ᵀ; as a semidefinite program,
    minimise s subject to −s I ⪯ W − 11ᵀ/K ⪯ s I.

    On graphs with many symmetries the solver may stall within 1e-4 of the optimum; where the best constant weight
    measures better, as it then can, that is the answer.

    Source: Xiao & Boyd, "Fast linear iterations for distributed averaging", Systems & Control Letters 53 (2004).
    """
    once = sources < targets
    first, second = sources[once], targets[once]
    best = _solve(size, first, second)
    there, back = np.concatenate([first, second]), np.concatenate([second, first])
    candidates = constant(size, there, back, np.tile(best, 2)), best_constant(size, sources, targets)
    return min(candidates, key=lambda W: spectrum(W, symmetric=True).modulus)


def _solve(size: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A weight for each undirected link, from the semidefinite program."""
    try:
        import cvxpy
    except ImportError as missing:
        raise MissingExtra("CVXPY", "cvxpy", "The fastest mixing") from missing
    links = np.arange(len(first))
    incidence = np.zeros((size, len(links)))
    incidence[first, links], incidence[second, links] = 1.0, -1.0
    weights, s = cvxpy.Variable(len(links)), cvxpy.Variable()
    off_average = np.eye(size) - incidence @ cvxpy.diag(weights) @ incidence.T - np.full((size, size), 1 / size)
    bounds: list = [off_average << s * np.eye(size), off_average >> -s * np.eye(size)]
    program = cvxpy.Problem(cvxpy.Minimize(s), bounds)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate")  # what is returned is measured by its σ
        program.solve(solver=cvxpy.CLARABEL)
    if weights.value is None:
        raise NetworkError(
            f"The semidefinite program for the fastest mixing of {size} agents ended {program.status}. "
            f"Use best_constant() or metropolis(), which need no solver."
        )
    return weights.value
