"""The doctor on real data of some size: scikit-learn's digits among clients that have seen a few of them each."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.problems.data.splits import dirichlet

datasets = pytest.importorskip("sklearn.datasets")


@pytest.mark.slow
def test_floors_on_the_digits_agree_with_a_run() -> None:
    images, labels = datasets.load_digits(return_X_y=True)
    coarse = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16) / 16  # 4 × 4 pixels, for speed
    shards = dirichlet((np.column_stack([coarse, np.ones(len(images))]), labels), agents=10, alpha=0.3)
    problem = accord.problems.softmax(shards, classes=10, l2=0.1)
    found = accord.diagnose(problem, check=True, local_steps=[5])
    floor = found.floors.loc[5]
    assert floor["predicted"] == pytest.approx(floor["measured"], rel=0.01)
    assert floor["by_hessians_alone"] == pytest.approx(floor["measured"], rel=0.1)
    assert found.rounds.loc["FedSGD", "predicted"] == pytest.approx(found.rounds.loc["FedSGD", "measured"], rel=0.25)
    assert found.table["label_skew"].between(0.1, 0.9).all()
