"""Problems with a name: quadratics, least squares, logistic, softmax, SVM, lasso, a small network, dispatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accord.core.kinds import known_keywords
from accord.errors import DataError, ProblemError
from accord.problems import objectives
from accord.problems.data.shards import arrays, checked
from accord.problems.data.stored import Stored
from accord.problems.problem import Coupled, Problem
from accord.problems.regularizers import L1


@known_keywords
def quadratic(H: Any, c: Any, *, weights: Any = None, names: Sequence[str] | None = None) -> Problem:
    """f_k(x) = ½(x−c_k)ᵀH_k(x−c_k): numbers, diagonals or matrices H_k; one agent an entry of the leading axis.

    - `H`: (K,), (K, d) or (K, d, d), symmetric; `c`: (K,) for single numbers, else (K, d).

    >>> quadratic(H=[1.0, 10.0], c=[0.0, 1.0]).solve().round(6).item()
    0.909091
    """
    H, c = np.asarray(H), np.asarray(c)
    H = np.broadcast_to(H, c.shape[:1]) if H.ndim == 0 else H
    H, c = (v.astype(np.result_type(H, c, np.float32) if v.dtype.kind == "f" else float) for v in (H, c))
    H, c = H.astype(np.result_type(H, c)), c.astype(np.result_type(H, c))
    if (
        c.ndim not in (1, 2)
        or len(H) != len(c)
        or (c.ndim == 1 and H.ndim > 1)
        or (H.ndim > 1 and H.shape[1:] not in (c.shape[1:], c.shape[1:] * 2))
    ):
        raise ProblemError(
            f"H has shape {H.shape} and c {c.shape}. Give H of (K,), (K, d) or (K, d, d) and c of (K,) or (K, d)."
        )
    if H.ndim == 3 and not np.allclose(H, np.swapaxes(H, 1, 2)):
        k = next(k for k, h in enumerate(H) if not np.allclose(h, h.T))
        raise ProblemError(f"Agent {k}'s H is not symmetric. Give (H + Hᵀ)/2, which has the same values.")
    shards = [(H[k : k + 1], c[k : k + 1]) for k in range(len(c))]
    return Problem(objectives.Quadratic(), shards, weights=weights, names=names, x0=np.zeros_like(c[0]))


@known_keywords
def least_squares(
    shards: Sequence[Any] | Stored,
    l2: float = 0.0,
    *,
    intercept: bool = False,
    weights: Any = None,
    names: Sequence[str] | None = None,
) -> Problem:
    """f_k(x) = ‖A_k x − b_k‖²/(2 n_k) + l2/2 ‖x‖²; shards are (features, targets).

    - `intercept`: the last feature is a column of ones, whose weight l2 leaves free.

    >>> least_squares([(np.eye(2), np.array([1.0, 2.0]))]).solve().tolist()
    [1.0, 2.0]
    """
    return _linear(objectives.LeastSquares(_not_negative("l2", l2), intercept), shards, weights, names)


@known_keywords
def lasso(
    shards: Sequence[Any] | Stored, l1: float, *, weights: Any = None, names: Sequence[str] | None = None
) -> Problem:
    """f_k(x) = ‖A_k x − b_k‖²/(2 n_k), with l1·‖x‖₁ shared by all.

    >>> lasso([(np.eye(2), np.array([1.0, 0.1]))], l1=0.1).solve().round(6).tolist()
    [0.8, 0.0]
    """
    return _linear(objectives.LeastSquares(), shards, weights, names, L1(_not_negative("l1", l1)))


@known_keywords
def logistic(
    shards: Sequence[Any] | Stored,
    l2: float = 0.0,
    *,
    intercept: bool = False,
    weights: Any = None,
    names: Sequence[str] | None = None,
) -> Problem:
    """f_k(x) = mean log(1+e^z) − b z + l2/2 ‖x‖², z = aᵀx; shards are (features, labels 0/1).

    - `intercept`: the last feature is a column of ones, whose weight l2 leaves free.

    >>> logistic([(np.array([[1.0], [1.0]]), np.array([1, 0]))], l2=1.0).solve().round(6).tolist()
    [0.0]
    """
    return _linear(objectives.Logistic(_not_negative("l2", l2), intercept), _labelled(shards, 2), weights, names)


@known_keywords
def svm(
    shards: Sequence[Any] | Stored, l2: float, *, weights: Any = None, names: Sequence[str] | None = None
) -> Problem:
    """f_k(x) = mean max(0, 1 − s aᵀx) + l2/2 ‖x‖², s = ±1; shards are (features, labels 0/1).

    >>> svm([(np.array([[1.0], [-1.0]]), np.array([1, 0]))], l2=0.5).solve().round(6).tolist()
    [1.0]
    """
    if not l2 > 0:
        raise ProblemError(f"svm has l2={l2}. Without a positive l2 the margin is not defined; give e.g. l2=0.01.")
    return _linear(objectives.Hinge(float(l2)), _labelled(shards, 2), weights, names)


@known_keywords
def softmax(
    shards: Sequence[Any] | Stored,
    classes: int,
    l2: float = 0.0,
    *,
    intercept: bool = False,
    weights: Any = None,
    names: Sequence[str] | None = None,
) -> Problem:
    """f_k(X) = mean cross-entropy of softmax(X a) + l2/2 ‖X‖², X of shape (classes, d); shards are (features, labels).

    - `intercept`: the last feature is a column of ones, whose weights l2 leaves free but for their sum, which is 0.

    >>> softmax([(np.eye(3), np.array([0, 1, 2]))], classes=3).x0.shape
    (3, 3)
    """
    loss = objectives.Softmax(classes, _not_negative("l2", l2), intercept)
    problem = _linear(loss, _labelled(shards, classes), weights, names)
    start = np.zeros((classes, *problem.x0.shape), problem.dtype)
    return Problem(problem.loss, problem.shards, weights=weights, names=names, x0=start)


@known_keywords
def neural_network(
    shards: Sequence[Any] | Stored,
    hidden: Sequence[int],
    classes: int,
    l2: float = 0.0,
    *,
    seed: int = 0,
    weights: Any = None,
    names: Sequence[str] | None = None,
) -> Problem:
    """f_k = mean cross-entropy of a tanh network with layers of `hidden` units; shards are (features, labels).

    >>> problem = neural_network([(np.eye(3), np.array([0, 1, 2]))], hidden=[4], classes=3)
    >>> [layer["weight"].shape for layer in problem.x0]
    [(4, 3), (3, 4)]
    """
    shards = _labelled(shards, classes)
    loss = objectives.NeuralNetwork((np.shape(shards[0][0])[1], *hidden, classes), _not_negative("l2", l2))
    problem = Problem(loss, shards, weights=weights, names=names)
    return Problem(loss, problem.shards, weights=weights, names=names, x0=loss.start(seed, problem.dtype))


@known_keywords
def dispatch(
    cost2: Any, cost1: Any, cost0: Any, lower: Any, upper: Any, demand: float, *, names: Sequence[str] | None = None
) -> Coupled:
    """Economic dispatch: minimise Σ c₂P² + c₁P + c₀ over generators that must meet `demand` within their limits.

    The price λ is what one more unit of demand costs, and what a generator is paid for it. Limits may be None.

    - `cost2`, `cost1`, `cost0`: one a generator, or one for all; `lower`, `upper`: likewise, in the units of demand.

    Raises `ProblemError` and `DataError` for numbers that are none, by the generator.

    >>> dispatch([0.004, 0.006], [5.3, 5.5], [500, 400], None, None, demand=600).solve().ravel().round(3).tolist()
    [370.0, 230.0]
    """
    curves = [np.atleast_1d(np.asarray(c, float)) for c in (cost2, cost1, cost0)]
    try:
        c2, c1, c0 = np.broadcast_arrays(*curves)
    except ValueError as error:
        raise ProblemError(
            f"cost2, cost1 and cost0 have {', '.join(str(len(c)) for c in curves)} entries. "
            "Give one a generator, or one number for all."
        ) from error
    if c2.ndim != 1 or not len(c2):
        raise ProblemError(f"The costs have the shape {c2.shape}. Give one number a generator.")
    if (c2 < 0).any():
        k = int(np.argmax(c2 < 0))
        raise ProblemError(
            f"Agent {k}'s cost2 is {c2[k]}: a cost that curves down has no best response. Give cost2 ≥ 0."
        )
    shards = [(c2[k : k + 1, None], c1[k : k + 1, None], c0[k : k + 1, None]) for k in range(len(c2))]
    return Coupled(
        objectives.CostCurve(), shards, A=-np.ones(len(c2)), b=-float(demand), lower=lower, upper=upper, names=names
    )


def _linear(loss: Any, shards: Any, weights: Any, names: Any, regularizer: Any = None) -> Problem:
    if isinstance(shards, Stored):
        features, _ = _pair(0, shards.model)
        start = np.zeros(features.shape[1:], features.dtype if features.dtype.kind == "f" else np.float64)
        return Problem(loss, shards, weights=weights, regularizer=regularizer, names=names, x0=start)
    shards = checked([_pair(k, shard) for k, shard in enumerate(shards)])
    shards = [(_floating(features), targets) for features, targets in shards]
    if not hasattr(loss, "classes"):
        shards = [(features, _floating(targets, features.dtype)) for features, targets in shards]
    for k, (features, targets) in enumerate(shards):
        if features.ndim != 2 or targets.ndim != 1:
            raise DataError(
                f"Agent {k}: features have shape {features.shape} and targets {targets.shape}. "
                "Give (n, d) features and (n,) targets."
            )
    start = np.zeros(shards[0][0].shape[1], shards[0][0].dtype)
    return Problem(loss, shards, weights=weights, regularizer=regularizer, names=names, x0=start)


def _floating(values: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
    """Convert whole numbers to floating ones."""
    return values if values.dtype.kind == "f" else values.astype(dtype)


def _pair(k: int, shard: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(shard, (tuple, list)) or len(shard) != 2:
        raise DataError(f"Agent {k}: a shard is a pair (features, targets), but {type(shard).__name__} was given.")
    return arrays(tuple(shard), k)


def _labelled(shards: Sequence[Any] | Stored, classes: int) -> Any:
    """Pairs whose labels are whole numbers below `classes`, as int32; where they are stored, once they are fetched."""

    def checked(ks: np.ndarray, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        features, labels = _pair(int(ks[0]), rows)
        values = labels.astype(float) if labels.dtype.kind in "fiub" else np.full(1, np.nan)
        wrong = ~((values >= 0) & (values < classes) & (values == np.floor(values)))
        if wrong.any():
            row = int(np.argmax(wrong))
            first = labels[row] if len(wrong) == len(labels) else labels.dtype
            k = shards.owner(ks, row) if isinstance(shards, Stored) else int(ks[0])
            raise DataError(
                f"Agent {k}: targets hold {int(wrong.sum())} labels that are not whole numbers from 0 to "
                f"{classes - 1}, "
                f"the first is {first}. Encode the classes as 0 to {classes - 1}."
            )
        return features, labels.astype(np.int32)

    if isinstance(shards, Stored):
        return shards.mapped(checked)
    return [checked(np.array([k]), shard) for k, shard in enumerate(shards)]


def _not_negative(name: str, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ProblemError(f"{name} is {value}. Give a number that is not negative.")
    return float(value)
