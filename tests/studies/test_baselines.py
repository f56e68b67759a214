"""What a run is measured with has answers known by hand."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.studies.baselines import MOST, local_only, pooled


def test_the_pooled_answer_of_quadratics() -> None:
    found = pooled(accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0]))
    assert float(found.x) == pytest.approx(10 / 11)
    assert found.objective == pytest.approx((0.5 * (10 / 11) ** 2 + 5 * (1 / 11) ** 2) / 2)
    assert found.distance(np.array(0.0)) == pytest.approx(10 / 11)


def test_the_pooled_cost_of_a_market() -> None:
    market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, demand=800.0)
    assert pooled(market).objective == pytest.approx(6682.5)  # Saadat 7.4
    assert local_only(market) is None


def test_weights_count_for_everyone_and_not_alone() -> None:
    found = local_only(accord.problems.quadratic(H=[1.0, 1.0], c=[0.0, 2.0], weights=[3.0, 1.0]))
    assert found is not None
    np.testing.assert_allclose(found.own, 0, atol=1e-12)
    np.testing.assert_allclose(found.everyone, [0.5, 1.5])


def test_a_regularizer_counts() -> None:
    problem = accord.problems.lasso([(np.eye(2), np.array([2.0, 0.0])), (np.eye(2), np.array([2.0, 0.0]))], l1=0.5)
    best, found = pooled(problem), local_only(problem)
    assert found is not None
    np.testing.assert_allclose(best.x, [1.0, 0.0], atol=1e-8)  # soft threshold: 2 − n·l1
    assert best.objective == pytest.approx(1 / 4 + 0.5)
    np.testing.assert_allclose(found.everyone, best.objective, rtol=1e-9)  # both hold the same rows


def test_an_agent_without_rows_finds_nothing() -> None:
    problem = accord.problems.least_squares([(np.eye(2), np.ones(2)), (np.zeros((0, 2)), np.zeros(0))])
    found = local_only(problem)
    assert found is not None
    assert np.isnan(found.own).tolist() == np.isnan(found.everyone).tolist() == [False, True]


def test_where_it_means_nothing_nothing_is_sought() -> None:
    rows = [(np.eye(2), np.array([0, 1]))]
    assert local_only(accord.problems.svm(rows, l2=0.1)) is None  # not smooth
    assert local_only(accord.problems.neural_network(rows, hidden=[2], classes=2)) is None  # not convex
    assert local_only(accord.problems.quadratic(H=np.ones(MOST + 1), c=np.ones(MOST + 1))) is None  # too many
