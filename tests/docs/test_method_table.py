"""The tables of methods say what the methods state, and leave none out."""

from __future__ import annotations

import pytest

from accord.methods import METHODS, DualDecomposition, GradientTracking, PushPull
from docs import method_table


def test_every_method_stands_in_exactly_one_reference() -> None:
    listed = [
        kind for pattern in ("server", "peers", "prices", "asynchronous") for kind in method_table.methods_of(pattern)
    ]
    assert sorted(kind.__name__ for kind in listed) == sorted(kind.__name__ for kind in METHODS)


def test_a_row_says_what_the_method_states() -> None:
    link, needs, reaches, step_size, weights, exchanges, bears, source = method_table.row(GradientTracking())
    assert link == "[`GradientTracking`][accord.methods.GradientTracking]"
    assert (needs, reaches, weights) == ("grad", "the optimum", GradientTracking.weights)
    assert (exchanges, bears) == ("1", "lose, sleep, vary")
    assert (step_size, source) == (GradientTracking.rules["step_size"].text, GradientTracking.reference)


def test_weights_that_differ_by_field_are_said_field_by_field() -> None:
    assert "row stochastic for x, column stochastic for y" in method_table.row(PushPull())


@pytest.mark.parametrize(("chapter", "columns"), [("server", 5), ("peers", 8), ("prices", 5), ("asynchronous", 8)])
def test_a_table_has_the_columns_that_say_something(chapter: str, columns: int) -> None:
    lines = method_table.table_of(chapter).splitlines()
    assert {line.count(" | ") + 1 for line in lines} == {columns}
    assert any(DualDecomposition.__name__ in line for line in lines) == (chapter == "prices")
