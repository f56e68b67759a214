"""The centralised answer of a support vector machine, through its dual."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import diags_array

from accord.core.linalg.interior_point import Programme, Smooth, solve
from accord.errors import ProblemError


def separate(rows: Any, weights: np.ndarray, l2: float) -> np.ndarray:
    """The minimiser of Σ_i w_i max(0, 1 − s_i a_iᵀx) + (Σ_i w_i) l2/2 ‖x‖², s_i = ±1 for labels 1 and 0.

    By its dual: minimise l2/2 ‖x‖² − Σ α_i subject to l2·x = Σ α_i s_i a_i and 0 ≤ α_i ≤ w_i, whose d prices are all
    that an interior-point step solves for. Source: Cortes, Vapnik 1995.

    >>> separate((np.array([[1.0], [-1.0]]), np.array([1, 0])), np.array([0.5, 0.5]), l2=0.5).round(9).tolist()
    [1.0]
    """
    features, labels = (np.asarray(part)[weights > 0] for part in rows)
    weights, l2 = weights[weights > 0], l2 * weights.sum()
    margins = features * (2.0 * labels - 1)[:, None]
    n, d = margins.shape
    curvature = np.append(np.full(d, l2), np.zeros(n))
    dual = Programme(
        Smooth(lambda v: curvature * v - np.append(np.zeros(d), np.ones(n)), lambda v: diags_array(curvature)),
        A=np.hstack([l2 * np.eye(d), -margins.T]),
        b=np.zeros(d),
        lower=np.append(np.full(d, -np.inf), np.zeros(n)),
        upper=np.append(np.full(d, np.inf), weights),
    )
    start = np.append(margins.T @ weights / (2 * l2), weights / 2)
    point, error = solve(dual, start)
    if not error <= 1e-8:
        raise ProblemError(
            f"The centralised solver of the hinge stalled at a residual of {error:.1g}. Scale the "
            "features; Problem.from_table does."
        )
    return point.x[:d]
