"""Optimal power flow: standard cases with known answers, by prices, with a market maker and without."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import accord
from accord.engine.planning.constants import constants
from accord.errors import MissingExtra, ProblemError, UnknownName
from accord.problems import grids, optimal_power_flow
from accord.problems.centralised_coupled import clear

COSTS = {"case9": 5216.0266, "case14": 7642.5937, "case30": 565.2060, "case118": 125947.8727}
LONG = accord.Stop(rounds=1000, progress=0)


@pytest.mark.parametrize(("case", "cost"), COSTS.items())
def test_a_planner_finds_what_pypower_finds(case: str, cost: float) -> None:
    found = clear(optimal_power_flow(grids.ieee(case)))
    assert found.value == pytest.approx(cost, abs=1e-4)


def test_pjm5_has_its_published_prices() -> None:
    flow = optimal_power_flow(grids.pjm5())
    x, prices, cost = clear(flow)
    assert cost == pytest.approx(17479.8969, abs=1e-4)
    np.testing.assert_allclose(flow.power(x), [40, 170, 323.4948, 0, 466.5052], atol=1e-4)
    np.testing.assert_allclose(flow.nodal_prices(prices), [16.9774, 26.3845, 30, 39.9427, 10], atol=1e-4)
    assert flow.grid.flows(flow.power(x))[5] == pytest.approx(-240)


@pytest.mark.parametrize("case", ["case14", "case30"])
def test_prices_are_those_of_the_planner(case: str) -> None:
    flow = optimal_power_flow(grids.ieee(case))
    run = accord.run(flow, accord.ExchangeADMM(0.005, metric=3.0), stop=LONG)
    best = clear(flow)
    np.testing.assert_allclose(flow.nodal_prices(run.prices), flow.nodal_prices(best.price), rtol=1e-9)
    np.testing.assert_allclose(flow.power(run.x), flow.power(best.x), atol=1e-6)


def test_prices_without_a_market_maker_along_the_lines() -> None:
    flow = optimal_power_flow(grids.ieee("case14"))
    network = accord.networks.metropolis(flow.graph())
    run = accord.run(flow, accord.TrackingADMM(), network=network, stop=accord.Stop(rounds=6000, progress=0))
    np.testing.assert_allclose(run.prices, clear(flow).price, rtol=1e-9)


def test_300_buses_in_fewer_rounds_than_were_published() -> None:
    flow = optimal_power_flow(grids.ieee("case300"))
    run = accord.run(flow, accord.ExchangeADMM(0.005, metric=3.0), stop=accord.Stop(rounds=25, progress=0), record=1)
    assert (run.history["violation"].iloc[10:] < 1.0).all()  # MW, 0.01 of the base of 100 MW
    assert run.history["objective"].iloc[-1] == pytest.approx(706292.3038, rel=1e-6)


def test_what_flows_into_a_bus_flows_out() -> None:
    grid = grids.ieee("case30")
    power = grid.most * grid.demand.sum() / grid.most.sum()
    np.testing.assert_allclose(grid.incidence.T @ grid.flows(power), grid.fed_in(power), atol=1e-9)


def test_a_line_is_an_agent_between_its_buses() -> None:
    flow = optimal_power_flow(grids.pjm5())
    assert flow.names[5:] == ("line 1–2", "line 4–5")
    assert set(flow.graph().edges) == {(0, 5), (1, 5), (0, 3), (0, 4), (1, 2), (2, 3), (3, 6), (4, 6)}


def test_lines_without_a_cost_have_no_part_in_what_steps_are_chosen_from() -> None:
    """0/0 is no curvature, and no warning either."""
    found, _ = constants(optimal_power_flow(grids.pjm5()), "prices")
    assert (found.L, found.L_value, found.bounded) == (0.0, 0.0, True)


def test_lines_between_the_same_buses_are_told_apart() -> None:
    lines = grids.ieee("case118").lines
    assert len(set(lines)) == len(lines)
    assert "77–80 (2)" in lines


def test_a_grid_that_falls_apart_is_refused() -> None:
    grid = grids.ieee("case9")
    alone = grid.lines.index("1–4")
    with pytest.raises(ProblemError, match=r"case9 falls into 2 parts without the line 1–4: no line joins bus .*"):
        grid.without_line(alone)


def test_an_unknown_case_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"'case31' in PYPOWER. Did you mean 'case39'"):
        grids.ieee("case31")


def test_a_missing_pypower_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypower", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[grid\]'"):
        grids.ieee("case9")


TWO = {
    "name": "two",
    "buses": ("a", "b"),
    "demand": [0.0, 50.0],
    "plants": [0],
    "cost2": [0.01],
    "cost1": [10.0],
    "cost0": [0.0],
    "least": [0.0],
    "most": [100.0],
    "ends": [[0, 1]],
    "susceptance": [1000.0],
    "limit": [80.0],
    "shift": [0.0],
}


def test_a_grid_by_hand_takes_lists() -> None:
    grid = grids.Grid(**TWO)
    np.testing.assert_allclose(grid.flows([50.0]), [50.0])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"buses": ("a", "b", "c"), "demand": [0.0, 50, 1]}, "falls into 2 parts: no line joins bus c to bus a"),
        ({"plants": [2]}, "Plant 0 of the grid two is at bus number 2, and its 2 buses have the places 0 to 1"),
        ({"ends": [[0, 5]]}, "Line 0 of the grid two is at bus number 5"),
        ({"ends": [[1, 1]]}, "Line 0 of the grid two leads from bus b to itself"),
        ({"buses": ("a", "a")}, "has 2 buses called a"),
        ({"limit": [np.nan]}, "The line a–b of the grid two has a limit of nan"),
        ({"limit": [-1.0]}, "has a limit of -1"),
        ({"susceptance": [np.inf]}, "has a susceptance of inf. Give the base over a reactance that is not 0"),
        ({"susceptance": [0.0]}, "has a susceptance of 0"),
        ({"demand": [0.0, np.nan]}, "The bus b of the grid two has a demand of nan"),
        ({"cost2": [-0.01]}, "The plant 0 at bus a of the grid two has a cost2 of -0.01"),
        ({"least": [200.0]}, "has a least of 200"),
        ({"cost1": [10.0, 20.0]}, r"has cost1 of shape \(2,\), and 1 of one a plant"),
        (
            {name: [] for name in ("plants", "cost2", "cost1", "cost0", "least", "most")},
            "2 buses and 0 plants that run",
        ),
    ],
)
def test_a_grid_by_hand_that_is_none_is_refused_by_name(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ProblemError, match=told):
        grids.Grid(**TWO | change)


def tables() -> dict[str, Any]:
    """MATPOWER's tables of three buses in a row, of which the last is isolated."""
    bus = np.zeros((3, 13))
    bus[:, 0], bus[:, 1], bus[:, 2] = [1, 2, 3], [3, 1, 4], [0, 50, 70]
    gen, branch = np.zeros((2, 10)), np.zeros((2, 13))
    gen[:, 0], gen[:, 7], gen[:, 8] = [1, 3], 1, 100
    branch[:, :2], branch[:, 3], branch[:, 10] = [[1, 2], [2, 3]], 0.1, 1
    return {
        "baseMVA": 100.0,
        "bus": bus,
        "branch": branch,
        "gen": gen,
        "gencost": np.array([[2, 0, 0, 2, 10, 0.0]] * 2),
    }


def test_an_isolated_bus_is_left_out_with_its_plants_and_lines() -> None:
    grid = grids.of_tables("three", **tables())
    assert (grid.buses, grid.demand.tolist(), grid.plants.tolist()) == (("1", "2"), [0.0, 50.0], [0])
    assert grid.ends.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("table", "place", "value", "told"),
    [
        ("gen", (0, 0), 9, "A plant of three is at bus 9, which its table of buses lacks"),
        ("branch", (0, 1), 9, "A line of three is at bus 9, which its table of buses lacks"),
        ("branch", (0, 3), 0, "The line 1–2 of three has a reactance of 0"),
        ("bus", (2, 0), 1, "A plant of three is at bus 3"),
        ("gen", (0, 7), 0, "2 buses and 0 plants that run"),
    ],
)
def test_tables_that_do_not_fit_are_refused_by_name(table: str, place: tuple[int, int], value: int, told: str) -> None:
    given = tables()
    given[table][place] = value
    with pytest.raises(ProblemError, match=told):
        grids.of_tables("three", **given)
