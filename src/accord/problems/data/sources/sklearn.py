"""Data sets of scikit-learn, an optional library that is imported here and nowhere else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accord.errors import MissingExtra


class Digits(NamedTuple):
    """1797 handwritten digits of 8 × 8 pixels."""

    features: np.ndarray  # (1797, 65): pixels from 0 to 1, and a one for the intercept
    labels: np.ndarray  # (1797,) 0 to 9


def digits() -> Digits:
    """The handwritten digits that come with scikit-learn. Raises `MissingExtra` where it is not installed.

    >>> digits().features.shape
    (1797, 65)

    Source: Alpaydin, Kaynak 1998, Optical recognition of handwritten digits, UCI repository, CC BY 4.0.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise MissingExtra("scikit-learn", "sklearn", "The data set of handwritten digits") from missing
    pixels, labels = load_digits(return_X_y=True)
    return Digits(np.hstack([pixels / 16, np.ones((len(pixels), 1))]), np.asarray(labels, np.int32))
