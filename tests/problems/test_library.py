"""Problems with a name: what they accept, where they start, what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accord import problems
from accord.errors import DataError, ProblemError
from tests.problems.samples import labelled, numbered


def test_where_they_start_and_in_which_precision() -> None:
    single = [(a.astype(np.float32), b) for a, b in labelled(3)]
    for problem, shape in (
        (problems.logistic(labelled()), (3,)),
        (problems.svm(labelled(), l2=0.1), (3,)),
        (problems.softmax(single, classes=3), (3, 3)),
        (problems.least_squares(numbered()), (3,)),
        (problems.quadratic([1.0, 2.0], [[0.0, 1.0], [2.0, 3.0]]), (2,)),
        (problems.dispatch([1.0, 1.0], 0.0, 0.0, None, None, 1.0), (1,)),
    ):
        assert problem.x0.shape == shape
        assert problem.x0.dtype == problem.dtype
        assert not problem.x0.any()


def test_whole_numbers_are_data_too() -> None:
    problem = problems.least_squares([(np.array([[1, 0], [0, 2]]), np.array([3, 4]))])
    assert [leaf.dtype for leaf in problem.shards[0]] == [np.float64, np.float64]
    np.testing.assert_allclose(problem.solve(), [3.0, 2.0], rtol=1e-14)
    assert problems.quadratic(H=[1, 3], c=[0, 4]).solve() == 3.0


def test_labels_may_be_true_and_false_or_floating() -> None:
    a = np.array([[1.0], [2.0]])
    for labels in (np.array([True, False]), np.array([1.0, 0.0]), np.array([1, 0], np.int8)):
        ((_, kept),) = problems.logistic([(a, labels)]).shards
        assert kept.dtype == np.int32
        assert kept.tolist() == [1, 0]


def test_weights_and_names_go_along() -> None:
    for make in (problems.logistic, problems.least_squares):
        problem = make(labelled(), weights=[1, 1, 2], names=["A", "B", "C"])
        assert problem.weights.tolist() == [0.25, 0.25, 0.5]
        assert problem.names == ("A", "B", "C")
    softmax = problems.softmax(labelled(), classes=2, weights={"0": 1, "1": 1, "2": 2})
    assert softmax.weights.tolist() == [0.25, 0.25, 0.5]


def test_a_lasso_shares_its_penalty() -> None:
    problem = problems.lasso(numbered(), l1=0.3)
    assert float(problem.regularizer.value(np.array([1.0, -2.0]))) == pytest.approx(0.9)


def test_dispatch_turns_demand_into_a_coupling() -> None:
    problem = problems.dispatch([1.0, 2.0], [3.0, 4.0], 5.0, 0.0, [6.0, 7.0], demand=8.0)
    assert problem.coupling is not None
    assert problem.coupling.A.ravel().tolist() == [-1.0, -1.0]
    assert problem.coupling.b.tolist() == [-8.0]
    assert problem.coupling.upper.ravel().tolist() == [6.0, 7.0]
    assert [float(cost(np.array([1.0]))) for cost in costs(problem)] == [9.0, 11.0]


def costs(problem: problems.Problem) -> list[Any]:
    """Every agent's cost as a function."""
    return [lambda x, shard=shard: problem.loss(x, tuple(c[0] for c in shard)) for shard in problem.shards]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: problems.quadratic(np.ones((2, 3)), np.ones((2, 2))), ProblemError, r"H has shape \(2, 3\)"),
        (
            lambda: problems.quadratic(np.array([[[1.0, 2], [0, 1]]]), np.ones((1, 2))),
            ProblemError,
            "Agent 0's H is not",
        ),
        (lambda: problems.logistic([np.ones(3)]), DataError, "Agent 0: a shard is a pair"),
        (lambda: problems.logistic([(np.ones(3), np.ones(3))]), DataError, r"Agent 0: features have shape \(3,\)"),
        (lambda: problems.svm(labelled(), l2=0.0), ProblemError, "l2=0.0"),
        (lambda: problems.logistic(labelled(), l2=-1.0), ProblemError, "l2 is -1.0"),
        (lambda: problems.lasso(numbered(), l1=np.inf), ProblemError, "l1 is inf"),
        (lambda: problems.dispatch([1.0, -1.0], 0, 0, None, None, 1), ProblemError, "Agent 1's cost2 is -1.0"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
