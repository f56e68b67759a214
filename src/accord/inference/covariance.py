"""Covariances of estimates: model-based, sandwich, clustered by agent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from accord.errors import UnknownName

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "model": "φ I⁻¹",
        "HC0": "I⁻¹ (Σ_i s_i s_iᵀ) I⁻¹",
        "HC1": "I⁻¹ (Σ_i s_i s_iᵀ) I⁻¹ · n/(n−p)",
        "cluster": "I⁻¹ (Σ_k s_k s_kᵀ) I⁻¹ · G/(G−1) · (n−1)/(n−p), of G agents",
    }
)


def known(kind: str) -> str:
    """The kind of meat a covariance needs. Raises `UnknownName`."""
    if kind not in KINDS:
        raise UnknownName("covariance", kind, KINDS)
    return "HC0" if kind == "HC1" else kind


def covariance(
    kind: str, inverse: np.ndarray, meat: np.ndarray, phi: float, n: int, agents: int, correction: bool = True
) -> np.ndarray:
    """The covariance of β from I⁻¹, of a sandwich by the observed information, and the meat: (p, p).

    - `correction`: of "cluster", for few agents.

    >>> covariance("HC1", np.array([[0.5]]), np.array([[2.0]]), 1.0, n=3, agents=2)
    array([[0.75]])
    """
    if kind == "model":
        return phi * inverse
    p = len(inverse)
    factor = n / (n - p) if kind == "HC1" else 1.0
    if kind == "cluster" and correction:
        factor = agents / (agents - 1) * (n - 1) / (n - p)
    return factor * inverse @ meat @ inverse
