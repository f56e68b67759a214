"""The quality of a model of a risk on patients that it has not seen: discrimination, calibration, uncertainty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ENOUGH = 5  # events, or twice as many rows: below that an interval is not worth the name
Z = 1.959964  # of 95 %


class Estimate(NamedTuple):
    """A number with its 95 % interval, which is NaN where there are too few data for one."""

    value: float
    low: float = np.nan
    high: float = np.nan

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "–"
        value, low, high = (f"{number + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−") for number in self)
        return value if np.isnan(self.low) else f"{value} ({low} to {high})"


def fitted(
    A: np.ndarray, b: np.ndarray, l2: float, *, pull: float = 0.0, towards: np.ndarray | float = 0.0
) -> np.ndarray:
    """argmin_x mean log(1+e^z) − b z + l2/2 ‖w‖² + pull/2 ‖x − towards‖² with z = A x, by Newton's method.

    x is the weights w and, last, an intercept that l2 leaves free. `pull` is Ditto's λ: a model of one's own, held near
    another. Of rows of one class, to which no finite intercept fits without a pull, it is the rate alone.

    >>> x = fitted(np.ones((4, 1)), np.array([1, 0, 0, 0]), l2=1.0)
    >>> round(float(1 / (1 + np.exp(-x[0]))), 12)  # the rate
    0.25
    """
    x, mean = np.zeros(A.shape[1]), 1 / max(len(b), 1)
    if not pull and len(set(b.tolist())) < 2:
        return np.append(x[1:], log_odds(b))
    held = np.append(np.full(len(x) - 1, l2), 0.0)
    for _ in range(100):
        q = 1 / (1 + np.exp(-A @ x))
        gradient = mean * A.T @ (q - b) + held * x + pull * (x - towards)
        step = np.linalg.solve(mean * (A.T * (q * (1 - q))) @ A + np.diag(held + pull), gradient)
        x = x - step
        if np.abs(step).max() < 1e-10:
            break
    return x


def log_odds(labels: np.ndarray) -> float:
    """The log-odds of the event, half a row with and half a row without it added (Jeffreys' prior).

    >>> round(log_odds(np.array([0, 0, 0])), 3)  # log(0.5/3.5)
    -1.946
    """
    events = labels.sum()
    return float(np.log((events + 0.5) / (len(labels) - events + 0.5)))


def own_base(scores: np.ndarray, labels: np.ndarray) -> float:
    """δ, by which a hospital moves all its log-odds: argmin Σ log(1+e^(z+δ)) − b (z+δ) + δ²/2.

    The last term states that hospitals differ by about 1; without it, one that saw no event would call every risk zero.

    >>> own_base(np.zeros(0), np.zeros(0)), round(own_base(np.zeros(1000), np.arange(1000) < 100), 1)  # log(0.1/0.9)
    (0.0, -2.2)
    """
    delta = 0.0
    for _ in range(100):
        q = 1 / (1 + np.exp(-scores - delta))
        step = ((q - labels).sum() + delta) / ((q * (1 - q)).sum() + 1)
        delta -= step
        if abs(step) < 1e-10:
            break
    return float(delta)


def folds(labels: np.ndarray, number: int, random: np.random.Generator) -> np.ndarray:
    """Return each row's fold, 0 to `number` − 1: those with and those without the event are dealt out evenly."""
    dealt = np.empty(len(labels), int)
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(labels == label))
        dealt[rows] = (np.arange(len(rows)) + random.integers(number)) % number
    return dealt


def losses(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return every row's −log probability of what happened, averaged over repetitions; scores: (repetitions, rows)."""
    return (np.logaddexp(0, scores) - labels * scores).mean(0)


def mean(values: np.ndarray) -> Estimate:
    """The mean of independent numbers; of fewer than ten without an interval."""
    if len(values) < 2 * ENOUGH:
        return Estimate(float(values.mean()))
    error = Z * values.std(ddof=1) / np.sqrt(len(values))
    return Estimate(float(values.mean()), float(values.mean() - error), float(values.mean() + error))


def rate(labels: np.ndarray) -> Estimate:
    """The share of rows with the event, with Wilson's interval.

    >>> str(rate(np.arange(10) < 1))
    '0.10 (0.02 to 0.40)'
    """
    n, share = len(labels), float(labels.mean())
    middle, half = share + Z**2 / (2 * n), Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Estimate(share, (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n))


def auc(scores: np.ndarray, labels: np.ndarray) -> Estimate:
    """The chance that a row with the event scores above one without; scores: (repetitions, rows), averaged over.

    The interval is DeLong's, on the log-odds; none with fewer than five events, and no AUC at all without one.

    >>> str(auc(np.array([[3.0, 2.0, 1.0]]), np.array([1, 0, 0])))
    '1.00'

    Source: DeLong, DeLong, Clarke-Pearson 1988, Comparing the areas under correlated ROC curves.
    """
    ill, well = scores[:, labels == 1], scores[:, labels == 0]
    if not ill.shape[1] or not well.shape[1]:
        return Estimate(np.nan)
    above = ((ill[:, :, None] > well[:, None]) + 0.5 * (ill[:, :, None] == well[:, None])).mean(0)
    area = float(above.mean())
    if min(above.shape) < ENOUGH or not 0 < area < 1:
        return Estimate(area)
    variance = above.mean(1).var(ddof=1) / above.shape[0] + above.mean(0).var(ddof=1) / above.shape[1]
    odds, error = np.log(area / (1 - area)), Z * np.sqrt(variance) / (area * (1 - area))
    return Estimate(area, *(float(1 / (1 + np.exp(-odds - sign * error))) for sign in (-1, 1)))
