"""Optimal power flow: standard cases with known answers, by prices, with a market maker and without."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import accord
from accord.errors import MissingExtra, ProblemError, UnknownName
from accord.problems import grids, optimal_power_flow
from accord.problems.clearing import clear

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
    run = accord.run(flow, accord.TrackingADMM(), network=network, stop=accord.Stop(rounds=3000, progress=0))
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
    with pytest.raises(MissingExtra, match=r"pip install 'accord\[grid\]'"):
        grids.ieee("case9")
