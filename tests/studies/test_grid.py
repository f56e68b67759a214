"""The study of a grid: its problem, its maps, and when a market has settled."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from accord.errors import MissingExtra, UnknownName
from accord.studies import grid, load
from accord.studies.grid import figures


class Ended:
    """As much of a run as counting rounds asks for."""

    def __init__(self, missing: list[float]) -> None:
        self.history = pd.DataFrame({"round": 10 * np.arange(len(missing)), "violation": missing})


@pytest.mark.parametrize(("missing", "rounds"), [([9, 0.5, 3, 0.2, 0.1], 30), ([0.1, 0.1], 0), ([9, 9], 10)])
def test_a_market_has_settled_when_little_is_missing_for_good(missing: list[float], rounds: int) -> None:
    assert grid._settled(Ended(missing)) == rounds


def test_limits_are_put_on_lines_by_their_names() -> None:
    flow = grid.problem("case9", limits={"4-5": 20, "8-2": 90})
    assert [flow.grid.lines[line] for line in flow.limited[flow.grid.limit[flow.limited] <= 90]] == ["4–5", "8–2"]


def test_a_limit_on_no_line_is_refused() -> None:
    with pytest.raises(UnknownName, match="No line is called '4–9' in case9"):
        grid.problem("case9", limits={"4-9": 20})


def test_a_study_whose_library_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypower", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[grid\]'"):
        load("grid")


def test_the_map_names_full_lines_and_the_ends_of_the_scale() -> None:
    flow = grid.problem("pjm5")
    best = grid.Solved.of(flow)
    figure = figures.price_map(flow.grid, best.prices, best.power)
    words = {text.get_text() for text in figure.axes[0].texts}
    assert words == {"4–5", "bus 5: 10.00 $/MWh", "bus 4: 39.94 $/MWh"}


def test_buses_lie_where_they_lay() -> None:
    flow = grid.problem("pjm5")
    places = figures.places(flow.grid)
    np.testing.assert_array_equal(places, figures.places(grid.problem("pjm5").grid))
    np.testing.assert_allclose(np.abs(places).max(0), 1)
