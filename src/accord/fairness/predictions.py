"""Rows judged by a model: what each loses, whether its class is right, and how it ranks; every agent its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from accord.errors import MethodError
from accord.problems.data.shards import concatenated
from accord.problems.problem import Problem, in_precision


@dataclass(frozen=True, eq=False)
class RowPredictions:
    """Every row of all agents, one after another: whose it is, and what the model makes of it."""

    owner: np.ndarray  # (n,) agents
    loss: np.ndarray  # (n,)
    right: np.ndarray | None = None  # (n,) whether the class that the model gives is the row's, of a classifier
    scores: np.ndarray | None = None  # (n,) of one that separates two classes
    labels: np.ndarray | None = None

    @property
    def binary(self) -> bool:
        """True where two classes are separated."""
        return self.scores is not None

    def told(self, k: int, groups: np.ndarray, group: int) -> tuple[float, float, float, float, float]:
        """Return agent k's sums over one group: rows, Σ loss, how many are right, and pairs: ranked right, and all."""
        mine = (self.owner == k) & (groups == group)
        right = 0.0 if self.right is None else float(self.right[mine].sum())
        pairs = (0.0, 0.0)
        if self.scores is not None and self.labels is not None:
            pairs = auc_pairs(self.scores[mine], self.labels[mine])
        return float(mine.sum()), float(self.loss[mine].sum()), right, *pairs

    @staticmethod
    def by_agent(problem: Problem, x: Any) -> dict[str, np.ndarray]:
        """Accuracy and, of two classes, AUC of each agent; NaN where it has no rows, or all of one class."""
        accuracy, auc, two = np.full(problem.K, np.nan), np.full(problem.K, np.nan), False
        for k, (features, labels) in enumerate(problem.shards):
            if len(labels):
                scores, guess = _guess(problem.loss, x, features)
                accuracy[k] = np.mean(guess == labels)
                if two := scores.ndim == 1:
                    above, pairs = auc_pairs(scores, labels)
                    auc[k] = above / pairs if pairs else np.nan
        return {"accuracy": accuracy} | ({"AUC": auc} if two else {})


def predict_rows(problem: Problem, x: Any) -> RowPredictions:
    """Judge every row by the model x."""
    owner = np.repeat(np.arange(problem.K), problem.sizes)
    rows = concatenated(problem.shards)
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), x)
        loss = jax.jit(jax.vmap(problem.loss, (None, 0)))(params, in_precision(rows, np.dtype(np.float64)))
    if not hasattr(problem.loss, "scores"):
        return RowPredictions(owner, np.asarray(loss))
    features, labels = rows
    scores, guess = _guess(problem.loss, x, features)
    two = (scores, labels) if scores.ndim == 1 else (None, None)
    return RowPredictions(owner, np.asarray(loss), guess == labels, *two)


def own_losses(problem: Problem) -> np.ndarray:
    """f_k at agent k's own optimum, found on its own rows; NaN where it has none, or where the search did not end."""
    from accord.problems.population.in_memory import Population
    from accord.problems.population.queries import own_optimum, value_and_grad

    if problem.opaque or problem.regularizer is not None or not hasattr(problem.loss, "bounds"):
        raise MethodError(
            "What agents could reach alone is sought where losses are convex and known to JAX, "
            "without a regularizer. Leave alone=True out."
        )
    with jax.enable_x64(True):
        agents = Population(problem)
        start = np.zeros(agents.shape.size)
        own, first = agents.ask(own_optimum, start), np.linalg.norm(agents.ask(value_and_grad, start).grad, axis=1)
    rounding = 1e-12 * first.max()  # of an agent that is at its own optimum from the start
    ended = (own.left <= np.maximum(1e-5 * first, rounding)) | hasattr(problem.loss, "tilted")
    return np.where(ended & (problem.sizes > 0), own.value, np.nan)


def auc_pairs(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Count, of all pairs of a row of class 1 and one of class 0, those whose first scores higher, ties half; and all.

    >>> auc_pairs(np.array([0.1, 0.9, 0.9, 0.3]), np.array([0, 1, 0, 1]))
    (2.5, 4.0)
    """
    from scipy.stats import rankdata

    cases = float((labels == 1).sum())
    others = len(labels) - cases
    return float(rankdata(scores)[labels == 1].sum() - cases * (cases + 1) / 2), cases * others


def _guess(loss: Any, x: Any, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The model's scores, and the class it gives."""
    with jax.enable_x64(True):
        scores = np.asarray(loss.scores(x, features))
    return scores, scores.argmax(1) if scores.ndim == 2 else (scores > 0).astype(int)
