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
    link, needs, reaches, step_size, source, weights = method_table.row(GradientTracking())
    assert link == "[`GradientTracking`][accord.methods.GradientTracking]"
    assert (needs, reaches, weights) == ("grad", "the optimum", GradientTracking.weights)
    assert (step_size, source) == (GradientTracking.rules["step_size"].text, GradientTracking.reference)


def test_weights_that_differ_by_field_are_said_field_by_field() -> None:
    assert method_table.asked(PushPull.weights) == "row stochastic for x, column stochastic for y"


@pytest.mark.parametrize(("pattern", "columns"), [("server", 5), ("peers", 6), ("prices", 5), ("asynchronous", 5)])
def test_the_rows_of_a_table_are_as_wide_as_its_head(pattern: str, columns: int) -> None:
    lines = method_table.table_of(pattern).splitlines()
    assert {line.count(" | ") + 1 for line in lines} == {columns}
    assert any(DualDecomposition.__name__ in line for line in lines) == (pattern == "prices")
