"""The models that a hospital could use, each judged on rows that it was not made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accord.problems import Problem
from accord.studies.hospitals.validation import fitted, folds, log_odds, own_base

ALONE, TOGETHER, BASE, PERSONAL, RATE = "alone", "together", "own base rate", "personal", "the rate alone"
PULLS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""λ of personal models, from one's own to the common one."""

Scores = dict[str, list[np.ndarray]]


class Rows(NamedTuple):
    """The rows of every hospital."""

    A: list[np.ndarray]  # features, the last of them ones
    b: list[np.ndarray]  # outcomes
    l2: float

    @classmethod
    def of(cls, problem: Problem) -> Rows:
        """Take the rows of a logistic problem."""
        A, b = zip(*((np.asarray(a, float), np.asarray(b, float)) for a, b in problem.shards), strict=True)
        return cls(list(A), list(b), problem.loss.l2)  # pyright: ignore[reportFunctionMemberAccess]

    def common(self, kept: list[np.ndarray]) -> np.ndarray:
        """The model of all kept rows: what exact methods find without pooling them."""
        A = np.concatenate([a[rows] for a, rows in zip(self.A, kept, strict=True)])
        return fitted(A, np.concatenate([b[rows] for b, rows in zip(self.b, kept, strict=True)]), self.l2)

    def objective(self, x: np.ndarray) -> float:
        """F(x), over all rows."""
        A, b = np.concatenate(self.A), np.concatenate(self.b)
        return float((np.logaddexp(0, A @ x) - b * (A @ x)).mean() + self.l2 / 2 * x[:-1] @ x[:-1])


def held_out(rows: Rows, pull: float, repetitions: int = 10, parts: int = 5, seed: int = 0) -> Scores:
    """Log-odds for each row by models that have not seen it, by the model's name: (repetitions, rows) a hospital.

    Rows are divided in `parts` within each hospital, the whole `repetitions` times over. Personal models for each of
    `PULLS` are there too, by the name of `personal(pull)`.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[np.ndarray]] = {}
    for repetition in range(repetitions):
        dealt = [folds(b, parts, random) for b in rows.b]
        for part in range(parts):
            kept = [fold != part for fold in dealt]
            common = rows.common(kept)
            for k, stays in enumerate(kept):
                for name, scores in _one(rows, k, stays, common, pull):
                    empty = [np.zeros((repetitions, len(b))) for b in rows.b]
                    found.setdefault(name, empty)[k][repetition, ~stays] = scores
    return found


def personal(pull: float) -> str:
    """The name of a personal model."""
    return f"{PERSONAL}, λ = {pull:g}"


def _one(rows: Rows, k: int, kept: np.ndarray, common: np.ndarray, pull: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what every model predicts for hospital k's rows that were left out."""
    A, b, out = rows.A[k][kept], rows.b[k][kept], rows.A[k][~kept]
    yield ALONE, out @ fitted(A, b, rows.l2)
    yield TOGETHER, out @ common
    yield BASE, out @ common + own_base(A @ common, b)
    yield PERSONAL, out @ fitted(A, b, rows.l2, pull=pull, towards=common)
    yield RATE, np.full(len(out), log_odds(b))
    for one in PULLS:
        yield personal(one), out @ fitted(A, b, rows.l2, pull=one, towards=common)
