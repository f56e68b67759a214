"""The objectives of one agent: losses `loss(params, example) -> scalar`, and what is known of them in closed form.

Any callable is a loss. One that knows more states it by optional members, which the package asks for by name:

- `quadratic(rows, weights)`: `(H, q)` of Σ_i w_i loss_i(x) = ½xᵀHx + qᵀx + constant, H a matrix or a diagonal;
- `moments(rows)`: `(H, q)` of the mean of loss_i in NumPy, and `at(x, rows)`: its value and gradient there, from which
  an agent with many rows answers without them (`accord.problems.sufficient_statistics`);
- `bounds(rows)`: the smoothness L and the strong convexity μ of f over these rows (L is infinite for a hinge);
- `tilted(rows, weights, u, penalty)`: argmin_x Σ_i w_i loss_i(x) + penalty/2 ‖x‖² − uᵀx, and
  `minimiser(rows, weights)`: argmin_x Σ_i w_i loss_i(x) in NumPy, where following gradients would not find them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.linalg.fista import fista
from accord.problems.regularizers import Box


class Bounds(NamedTuple):
    """The curvature of a function: μ‖v‖² ≤ vᵀ∇²f v ≤ L‖v‖²."""

    L: float
    mu: float


def _squares(A: np.ndarray) -> np.ndarray:
    """‖a‖² of every row."""
    return np.einsum("ij,ij->i", A, A, dtype=np.float64)


def _spectrum(matrix: np.ndarray) -> tuple[float, float]:
    """The largest and the smallest eigenvalue of XᵀX/n; the smallest is 0 where the rows do not span the space."""
    n, d = matrix.shape
    gram = matrix.T @ matrix if d <= n else matrix @ matrix.T
    values = np.linalg.eigvalsh(gram.astype(np.float64)) / n
    rounding = max(n, d) * np.finfo(matrix.dtype).eps * values[-1]
    return float(values[-1]), float(values[0]) if d <= n and values[0] > rounding else 0.0


def _penalty(l2: float, x: Array, intercept: bool = False) -> Array | float:
    """l2/2 ‖x‖², in which the last entry, the weight of a column of ones, does not count where it is an `intercept`."""
    held = x[..., :-1] if intercept and l2 else x
    return 0.5 * l2 * jnp.vdot(held, held) if l2 else 0.0


def _cross_entropy(z: Array, b: Array) -> Array:
    """logsumexp(z) − z_b, by a mask: the gradient of an index is a scatter, which costs a third of a small step."""
    return jax.nn.logsumexp(z) - jnp.sum(jnp.where(jnp.arange(z.size, dtype=b.dtype) == b, z, 0))


@dataclass(frozen=True)
class Quadratic:
    """½(x−c)ᵀH(x−c) for an example (H, c); H a number, a diagonal or a matrix."""

    def __call__(self, x: Array, example: tuple[Array, Array]) -> Array:
        H, c = example
        e = x - c
        return 0.5 * (jnp.vdot(e, H @ e) if H.ndim == 2 else jnp.sum(H * e * e))

    def quadratic(self, rows: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        H, c = rows
        c = c.reshape(len(weights), -1)
        if H.ndim == 3:
            return jnp.einsum("n,nij->ij", weights, H), -jnp.einsum("n,nij,nj->i", weights, H, c)
        H = jnp.broadcast_to(H.reshape(len(weights), -1), c.shape)
        return weights @ H, -weights @ (H * c)

    def bounds(self, rows: tuple[np.ndarray, np.ndarray]) -> Bounds:
        H = np.mean(rows[0], axis=0)
        values = np.linalg.eigvalsh(H.astype(np.float64)) if H.ndim == 2 else np.ravel(H)
        return Bounds(float(values.max()), float(values.min()))


@dataclass(frozen=True)
class LeastSquares:
    """½(aᵀx − b)² + l2/2 ‖x‖² for an example (a, b); an `intercept`, the last entry of x, is free of l2."""

    l2: float = 0.0
    intercept: bool = False

    def __call__(self, x: Array, example: tuple[Array, Array]) -> Array:
        a, b = example
        return 0.5 * (a @ x - b) ** 2 + _penalty(self.l2, x, self.intercept)

    def moments(self, rows: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        A, b = (part.astype(np.float64, copy=False) for part in rows)
        return A.T @ A / len(A) + np.diag(self._ridge(A.shape[1])), -(b @ A) / len(A)

    def at(self, x: np.ndarray, rows: tuple[np.ndarray, np.ndarray]) -> tuple[float, np.ndarray]:
        A, b = (part.astype(np.float64, copy=False) for part in rows)
        residuals, ridge = A @ x - b, self._ridge(A.shape[1])
        value = 0.5 * (residuals @ residuals / len(A) + ridge @ (x * x))
        return float(value), residuals @ A / len(A) + ridge * x

    def _ridge(self, d: int) -> np.ndarray:
        """l2 of every entry of x."""
        return np.append(np.full(d - 1, self.l2), 0.0 if self.intercept else self.l2)

    def quadratic(self, rows: tuple[Array, Array], weights: Array) -> tuple[Array, Array]:
        A, b = rows
        ridge = jnp.sum(weights) * jnp.diag(jnp.asarray(self._ridge(A.shape[1]), A.dtype))
        return (weights * A.T) @ A + ridge, -(weights * b) @ A

    def bounds(self, rows: tuple[np.ndarray, np.ndarray]) -> Bounds:
        largest, smallest = _spectrum(rows[0])
        if self.intercept and self.l2:
            smallest = max(float(np.linalg.eigvalsh(self.moments(rows)[0])[0]), 0.0)
            return Bounds(largest + self.l2, smallest)
        return Bounds(largest + self.l2, smallest + self.l2)

    def bounds_of_rows(self, rows: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return _squares(rows[0]) + self.l2


@dataclass(frozen=True)
class Logistic:
    """log(1 + e^z) − b z + l2/2 ‖x‖² with z = aᵀx, for an example (a, b) with b in {0, 1}.

    An `intercept`, the last entry of x, is free of l2: where the risk is near 0 or 1 nothing curves along it, so that
    no μ > 0 holds everywhere.
    """

    l2: float = 0.0
    intercept: bool = False
    classes: int = field(default=2, init=False)

    def __call__(self, x: Array, example: tuple[Array, Array]) -> Array:
        a, b = example
        z = a @ x
        return jnp.logaddexp(z, jnp.zeros_like(z)) - b.astype(z.dtype) * z + _penalty(self.l2, x, self.intercept)

    def bounds(self, rows: tuple[np.ndarray, np.ndarray]) -> Bounds:
        return Bounds(_spectrum(rows[0])[0] / 4 + self.l2, 0.0 if self.intercept else self.l2)

    def bounds_of_rows(self, rows: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return _squares(rows[0]) / 4 + self.l2

    def scores(self, x: Array, features: Array) -> Array:
        """The log-odds of every row."""
        return features @ x


@dataclass(frozen=True)
class Softmax:
    """logsumexp(z) − z_b + l2/2 ‖X‖² with z = X a, for an example (a, b), b a class and X of shape (classes, d).

    X is kept (out, in), so that both products of a gradient stream along the long axis. The intercepts, its last
    column, are free of l2 but for their sum, which the loss does not see: l2 (Σ b)²/(2 classes) holds it at 0.
    """

    classes: int
    l2: float = 0.0
    intercept: bool = False

    def __call__(self, x: Array, example: tuple[Array, Array]) -> Array:
        a, b = example
        z = x @ a
        return _cross_entropy(z, b) + _penalty(self.l2, x, self.intercept) + self._common(x)

    def _common(self, x: Array) -> Array | float:
        """The penalty on what all intercepts have in common."""
        return 0.5 * self.l2 * jnp.sum(x[:, -1]) ** 2 / self.classes if self.intercept and self.l2 else 0.0

    def bounds(self, rows: tuple[np.ndarray, np.ndarray]) -> Bounds:
        largest = _spectrum(rows[0])[0] / 2  # Böhning 1992: the Hessian is at most ½ aaᵀ
        return Bounds(largest + self.l2, 0.0 if self.intercept else self.l2)

    def bounds_of_rows(self, rows: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return _squares(rows[0]) / 2 + self.l2

    def scores(self, x: Array, features: Array) -> Array:
        """The score of every row for every class."""
        return features @ x.T


@dataclass(frozen=True)
class Hinge:
    """max(0, 1 − s aᵀx) + l2/2 ‖x‖² for an example (a, b), s = 2b−1 with b in {0, 1}: a support vector machine."""

    l2: float
    classes: int = field(default=2, init=False)

    def __call__(self, x: Array, example: tuple[Array, Array]) -> Array:
        a, b = example
        sign = 2 * b.astype(x.dtype) - 1
        return jnp.maximum(1 - sign * (a @ x), 0) + _penalty(self.l2, x)

    def bounds(self, rows: tuple[np.ndarray, np.ndarray]) -> Bounds:
        return Bounds(float("inf"), self.l2)

    def tilted(self, rows: tuple[Array, Array], weights: Array, u: Array, penalty: Array | float) -> Array:
        """Minimise by the dual, which is smooth: x = (u + Σ α_i s_i a_i) / (l2 Σ w_i + penalty) with 0 ≤ α_i ≤ w_i."""
        a, b = rows
        margins = (2 * b.astype(a.dtype) - 1)[:, None] * a
        curvature = self.l2 * jnp.sum(weights) + penalty
        primal = lambda alpha: (u + alpha @ margins) / curvature  # noqa: E731
        return primal(fista(lambda alpha: margins @ primal(alpha) - 1, weights / 2, Box(0.0, weights).prox))

    def minimiser(self, rows: tuple[np.ndarray, np.ndarray], weights: np.ndarray) -> np.ndarray:
        from accord.core.linalg.svm_dual import separate

        return separate(rows, weights, self.l2)

    def scores(self, x: Array, features: Array) -> Array:
        """The signed margin of every row."""
        return features @ x


@dataclass(frozen=True)
class CostCurve:
    """c₂·x² + c₁·x + c₀ for an example (c₂, c₁, c₀): the cost curve of a generator."""

    def __call__(self, x: Array, example: tuple[Array, Array, Array]) -> Array:
        c2, c1, c0 = example
        return jnp.sum(c2 * x * x + c1 * x) + jnp.sum(c0)

    def quadratic(self, rows: tuple[Array, Array, Array], weights: Array) -> tuple[Array, Array]:
        c2, c1, _ = (c.reshape(len(weights), -1) for c in rows)
        return 2 * weights @ c2, weights @ c1

    def bounds(self, rows: Any) -> Bounds:
        curvature = 2 * np.ravel(rows[0])
        return Bounds(float(curvature.max()), float(curvature.min()))


@dataclass(frozen=True)
class NeuralNetwork:
    """Cross-entropy of a fully connected network with tanh units, for an example (a, b), b a class; l2/2 ‖·‖² on all.

    The parameters are a tuple of layers, each a dict of `weight` (out, in) and `bias` (out).
    """

    sizes: tuple[int, ...]
    l2: float = 0.0

    @property
    def classes(self) -> int:
        return self.sizes[-1]

    def __call__(self, params: Any, example: tuple[Array, Array]) -> Array:
        a, b = example
        z = self.scores(params, a)
        return _cross_entropy(z, b) + sum(_penalty(self.l2, leaf) for leaf in jax.tree.leaves(params))

    def scores(self, params: Any, features: Array) -> Array:
        """The score of one row, or of every row, for every class."""
        for layer in params[:-1]:
            features = jnp.tanh(features @ layer["weight"].T + layer["bias"])
        return features @ params[-1]["weight"].T + params[-1]["bias"]

    def start(self, seed: int, dtype: Any) -> Any:
        """Glorot-uniform weights and zero biases (Glorot, Bengio 2010)."""
        random = np.random.default_rng(seed)
        pairs = list(zip(self.sizes[:-1], self.sizes[1:], strict=True))
        limits = [np.sqrt(6 / (inward + outward)) for inward, outward in pairs]
        return tuple(
            {"weight": random.uniform(-a, a, (outward, inward)).astype(dtype), "bias": np.zeros(outward, dtype)}
            for a, (inward, outward) in zip(limits, pairs, strict=True)
        )
