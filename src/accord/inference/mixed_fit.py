"""Restricted maximum likelihood of a linear mixed model from products of columns (Luo et al. 2022).

y_k = X_k β + Z_k b_k + ε, b_k ~ N(0, σ²Ψ), Ψ = ΛΛᵀ, ε ~ N(0, σ²). Agents send n_k and the products of [Z X y] with
itself. With L = I + Λᵀ ZᵀZ Λ and S = Σ_k [X y]ᵀ(I − ZΛL⁻¹ΛᵀZᵀ)[X y], σ² = S_{y|x}/(n − p) and
−2ℓ = (n − p)(1 + log 2πσ²) + Σ_k log det L_k + log det S_xx.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from accord.inference import scoring
from accord.inference.design import Design, Site
from accord.inference.formula import complete, matrix, rows_of
from accord.inference.packing import packed
from accord.inference.sums import Reply

STEP = 1e-30  # of a complex step, whose derivative is exact


def cross(site: Site, design: Design) -> Reply:
    """n and the products of the columns of [Z X y] of one agent."""
    rows = rows_of(site, design)
    _, Z = matrix(replace(design, formula=f"~ {design.model[1]}"), complete(site, design), site.name)
    C = np.concatenate([Z, rows.X, rows.y[:, None]], 1)
    return packed(C.T @ C), np.array([float(len(C))])


class Products(NamedTuple):
    """The products of all K agents: ZᵀZ (K, q, q), [X y]ᵀZ (K, p+1, q), Σ_k [X y]ᵀ[X y]; Z in units of its columns."""

    ZZ: np.ndarray
    AZ: np.ndarray
    AA: np.ndarray
    n: int
    unit: np.ndarray  # (q,)

    @classmethod
    def of(cls, whole: np.ndarray, n: np.ndarray, q: int) -> Products:
        """Split the products of [Z X y]: (K, q+p+1, q+p+1)."""
        ZZ, AZ, AA = whole[:, :q, :q], whole[:, q:, :q], whole[:, q:, q:].sum(0)
        unit = np.sqrt(np.maximum(np.einsum("kii->i", ZZ) / n.sum(), 1e-300))
        return cls(ZZ / np.outer(unit, unit), AZ / unit, AA, int(n.sum()), unit)


class Profile(NamedTuple):
    """The profile at some Λ: −2ℓ, and what follows from it."""

    height: Any
    S: np.ndarray
    scale: Any


def profile(products: Products, theta: np.ndarray, reml: bool) -> Profile:
    """−2ℓ with β and σ² at their best, as an analytic function of the entries of Λ."""
    q, p = products.ZZ.shape[-1], len(products.AA) - 1
    Lambda = np.zeros((q, q), theta.dtype)
    Lambda[np.tril_indices(q)] = theta
    L = np.eye(q) + Lambda.T @ products.ZZ @ Lambda
    reached = products.AZ @ Lambda
    S = products.AA - (reached @ np.linalg.solve(L, np.swapaxes(reached, 1, 2))).sum(0)
    left = S[-1, -1] - S[-1, :-1] @ np.linalg.solve(S[:-1, :-1], S[:-1, -1])
    free = products.n - p if reml else products.n
    scale = left / free
    height = free * (1 + np.log(2 * np.pi * scale)) + np.log(np.linalg.det(L)).sum()
    _, d = scoring.scaled(S[:-1, :-1].real)
    correction = np.log(np.linalg.det(S[:-1, :-1] / np.outer(d, d))) + 2 * np.log(d).sum()
    return Profile(height + correction if reml else height, S, scale)


def _with_slope(theta: np.ndarray, products: Products, reml: bool) -> tuple[float, np.ndarray]:
    units = np.eye(len(theta), dtype=complex)
    slopes = [profile(products, theta + 1j * STEP * unit, reml).height.imag / STEP for unit in units]
    return float(profile(products, theta, reml).height), np.array(slopes)


def best(products: Products, reml: bool) -> np.ndarray:
    """Entries of Λ of the greatest likelihood: quasi-Newton, then Newton's own last steps."""
    q = products.ZZ.shape[-1]
    begin = np.eye(q)[np.tril_indices(q)] * 0.5
    options = {"gtol": 1e-7}
    found = optimize.minimize(_with_slope, begin, args=(products, reml), jac=True, method="BFGS", options=options)
    theta = found.x
    for _ in range(3):
        _, slope = _with_slope(theta, products, reml)
        moved = [_with_slope(theta + 1e-5 * unit, products, reml)[1] for unit in np.eye(len(theta))]
        H = (np.stack(moved) - slope) / 1e-5
        values, vectors = np.linalg.eigh((H + H.T) / 2)
        if values[0] <= 1e-8:
            break
        step = vectors @ ((vectors.T @ slope) / values)
        if np.abs(step).max() > 1e-2:
            break
        theta = theta - step
    return theta


class Estimate(NamedTuple):
    """The estimate that follows from the best Λ, in the units of the columns."""

    beta: np.ndarray  # (p,)
    cov: np.ndarray  # (p, p)
    between: np.ndarray  # (q, q) σ²Ψ
    scale: float
    loglik: float
    effects: np.ndarray  # (K, q) ΨZᵀV⁻¹(y − Xβ)
    errors: np.ndarray  # (K, q)


def estimated(products: Products, reml: bool) -> Estimate:
    """The maximum of the (restricted) likelihood, and the shrunken effects there."""
    q, theta = products.ZZ.shape[-1], best(products, reml)
    height, S, scale = profile(products, theta, reml)
    beta = scoring.solved(S[:-1, :-1], S[:-1, -1])
    Lambda = np.zeros((q, q))
    Lambda[np.tril_indices(q)] = theta
    L = np.eye(q) + Lambda.T @ products.ZZ @ Lambda
    pulls = products.AZ[:, -1] - products.AZ[:, :-1].transpose(0, 2, 1) @ beta
    effects = np.linalg.solve(L, (pulls @ Lambda)[..., None])[..., 0] @ Lambda.T / products.unit
    spread = scale * Lambda @ np.linalg.solve(L, np.broadcast_to(Lambda.T, L.shape))
    errors = np.sqrt(np.maximum(np.einsum("kii->ki", spread), 0)) / products.unit
    between = scale * (Lambda @ Lambda.T) / np.outer(products.unit, products.unit)
    cov = scale * scoring.inverse(S[:-1, :-1])
    return Estimate(beta, cov, between, float(scale), -float(height) / 2, effects, errors)
