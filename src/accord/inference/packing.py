"""Symmetric matrices as their upper triangles, so that nothing is sent twice."""

from __future__ import annotations

import math

import numpy as np


def packed(matrix: np.ndarray) -> np.ndarray:
    """The upper triangle of the last two axes, row after row: (..., p(p+1)/2).

    >>> packed(np.array([[1, 2], [2, 5]])).tolist(), unpacked(np.array([1, 2, 5])).tolist()
    ([1, 2, 5], [[1, 2], [2, 5]])
    """
    rows, columns = np.triu_indices(matrix.shape[-1])
    return matrix[..., rows, columns]


def unpacked(triangle: np.ndarray) -> np.ndarray:
    """The symmetric matrix of an upper triangle: (..., p, p)."""
    p = (math.isqrt(1 + 8 * triangle.shape[-1]) - 1) // 2
    rows, columns = np.triu_indices(p)
    matrix = np.empty((*triangle.shape[:-1], p, p), triangle.dtype)
    matrix[..., rows, columns] = matrix[..., columns, rows] = triangle
    return matrix
