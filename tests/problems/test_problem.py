"""A problem as posed: weights, names, precision, coupling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accord.errors import ProblemError
from accord.problems import Coupled, Opaque, Problem
from accord.problems.coupling import Market
from accord.problems.data.shape import Shape
from accord.problems.problem import in_precision, stacked

ONE = [np.ones(1), np.ones(3)]


def square(x: Any, a: Any) -> Any:
    return ((x - a) ** 2).sum()


def test_weights_are_proportional_to_size_unless_given() -> None:
    assert Problem(square, ONE).weights.tolist() == [0.25, 0.75]
    assert Problem(square, ONE, weights=[1, 1]).weights.tolist() == [0.5, 0.5]
    assert Problem(square, ONE, names=["A", "B"], weights={"B": 3.0, "A": 1.0}).weights.tolist() == [0.25, 0.75]
    opaque = [Opaque(value=lambda x: 0.0, size=n) for n in (1, 4)]
    assert Problem(None, opaque).weights.tolist() == [0.2, 0.8]


def test_precision_is_that_of_the_data() -> None:
    single = [np.ones(1, np.float32)]
    assert Problem(square, single).dtype == np.float32
    assert Problem(square, ONE).dtype == np.float64
    mixed = in_precision({"a": np.ones(1), "b": np.ones(1, np.int32)}, np.dtype(np.float32))
    assert [mixed[name].dtype for name in "ab"] == [np.float32, np.int32]


def test_a_stack_is_in_the_precision_that_is_asked_for() -> None:
    agents = stacked(Problem(square, ONE), Shape.of(0.0), np.ones(2, np.float32))
    assert agents.rows.data.dtype == np.float32
    assert agents.rows.size.tolist() == [1, 3]


def test_each_agent_counts_once_where_costs_are_summed() -> None:
    assert Coupled(square, ONE, [1.0, 1.0], 2.0).weights.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("A", "d"), [([1.0, 2.0], 1), ([[1.0, 2.0], [3.0, 4.0]], 2), (np.ones((2, 1, 5)), 5)], ids=["(K,)", "(K, d)", "3"]
)
def test_coupling_matrices_come_in_three_shapes(A: Any, d: int) -> None:
    coupling = Coupled(square, ONE, A, 2.0, lower=0.0).coupling
    assert coupling is not None
    np.testing.assert_array_equal(coupling.A, np.asarray(A).reshape(2, 1, d))
    np.testing.assert_array_equal(coupling.lower, np.zeros((2, d)))
    assert np.isposinf(coupling.upper).all()


def test_bounds_are_one_an_agent_or_one_a_decision() -> None:
    each = Coupled(square, ONE, [1.0, 1.0], 1.0, lower=[0.0, 1.0]).coupling
    decision = Coupled(square, ONE, np.ones((2, 3)), 1.0, lower=[0.0, 1.0, 2.0]).coupling
    assert each is not None
    assert decision is not None
    assert each.lower.tolist() == [[0.0], [1.0]]
    assert decision.lower.tolist() == [[0.0, 1.0, 2.0]] * 2


@pytest.mark.parametrize(("sense", "floor"), [("==", -np.inf), ("<=", 0.0)])
def test_a_price_of_an_inequality_is_never_negative(sense: str, floor: float) -> None:
    coupling = Coupled(square, ONE, [1.0, 1.0], 1.0, sense=sense).coupling
    assert coupling is not None
    market = coupling.market(np.float32)
    assert isinstance(market, Market)
    assert (market.price.tolist(), market.floor.tolist(), float(market.agents)) == ([0.0], [floor], 2.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sense": ">="}, "'==' or '<=', but '>='"),
        ({"A": np.ones((3, 1, 2))}, r"shape \(3, 1, 2\), but 2 agents of 2 decisions under 1 constraints"),
        ({"A": [1.0, np.nan]}, "coupling's A holds NaN"),
        ({"b": np.inf}, "coupling's b holds NaN or infinity"),
        ({"A": [1.0, 0.0]}, "coupling matrix of agent 1 is zero"),
        ({"lower": [0.0, 2.0], "upper": 1.0}, "Agent 1's lower bound"),
    ],
)
def test_a_coupling_that_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        Coupled(square, ONE, **({"A": [1.0, 1.0], "b": 1.0} | given))


def test_shapes_flatten_and_unflatten_and_refuse_another() -> None:
    params = {"W": np.arange(6.0).reshape(2, 3), "b": np.array(7.0)}
    shape = Shape.of(params)
    flat = shape.flatten(params)
    assert flat.tolist() == [0, 1, 2, 3, 4, 5, 7]
    assert shape == Shape.of({"b": 0.0, "W": np.zeros((2, 3))})
    back = shape.unflatten(flat)
    np.testing.assert_array_equal(back["W"], params["W"])
    with pytest.raises(ProblemError, match=r"structure .*'W': '\[2, 3\]'.* but .*'\[3, 2\]'"):
        shape.flatten({"W": np.zeros((3, 2)), "b": 0.0})
