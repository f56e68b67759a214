"""Charging: plans that keep the limit, fill every battery and cost the least; and sets of decisions with a total."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.errors import MissingExtra, ProblemError
from accord.problems import Budget, Coupled, Fleet, charging
from accord.problems.centralised_coupled import clear
from accord.problems.data.sources import demandlib
from accord.problems.objectives import CostCurve

HOMES = np.array([3.0, 4.0, 6.0, 5.0, 2.0, 1.0, 1.0, 2.0])
FLEET = Fleet(
    arrival=np.array([0.0, 4.0, 7.5, 6.0]),
    departure=np.array([24.0, 20.0, 19.0, 12.0]),
    need=np.array([30.0, 20.0, 40.0, 12.0]),
    power=np.array([3.7, 7.4, 11.0, 11.0]),
)


def by_cvxpy(fleet: Fleet, load: np.ndarray, limit: float, tariff: Any, wear: float) -> tuple[np.ndarray, np.ndarray]:
    """Plans and prices, by a solver that sees everything."""
    import cvxpy

    hours, most = 24 / len(load), fleet.most(len(load), 24 / len(load))
    x = cvxpy.Variable(most.shape)
    room = cvxpy.sum(x, axis=0) + load <= limit
    filled = hours * cvxpy.sum(x, axis=1) == fleet.need
    cost = hours * (cvxpy.sum(x @ np.broadcast_to(tariff, len(load))) + wear / 2 * cvxpy.sum_squares(x))
    cvxpy.Problem(cvxpy.Minimize(cost), [room, filled, x >= 0, x <= most]).solve(solver="CLARABEL")
    return np.asarray(x.value), np.asarray(room.dual_value)


def test_plans_and_prices_are_the_planners() -> None:
    tariff = 0.2 + 0.01 * HOMES
    day = charging(FLEET, HOMES, limit=9.0, tariff=tariff, wear=0.01)
    run = accord.run(day, accord.AcceleratedDual(), stop=accord.Stop(rounds=2000, progress=0), record=100)
    plans, prices = by_cvxpy(FLEET, HOMES, 9.0, tariff, 0.01)
    np.testing.assert_allclose(run.x, plans, atol=2e-5)
    np.testing.assert_allclose(run.prices, prices, atol=2e-6)
    best = clear(day)
    np.testing.assert_allclose(run.x, best.x, atol=1e-9)
    np.testing.assert_allclose(run.prices, best.price, atol=1e-9)


def test_the_plan_keeps_the_limit_and_fills_every_battery() -> None:
    day = charging(FLEET, HOMES, limit=9.0, tariff=0.3, wear=0.01)
    run = accord.run(day, accord.AcceleratedDual(), stop=accord.Stop(rounds=1500, progress=0), record=100)
    assert (HOMES + run.x.sum(0)).max() <= 9.0 + 1e-9
    np.testing.assert_allclose(day.hours * run.x.sum(1), FLEET.need, rtol=1e-12)
    assert (run.x >= 0).all()
    assert (run.x <= FLEET.most(8, 3.0)).all()


def test_at_once_fills_every_battery_as_early_as_can_be() -> None:
    day = charging(FLEET, HOMES, limit=99.0, tariff=0.3)
    np.testing.assert_allclose(day.hours * day.at_once.sum(1), FLEET.need)
    np.testing.assert_allclose(day.at_once[0], [3.7, 3.7, 2.6, 0, 0, 0, 0, 0])


def test_a_car_that_comes_within_a_step_takes_part_of_it() -> None:
    np.testing.assert_allclose(FLEET.most(8, 3.0)[2], [0, 0, 5.5, 11, 11, 11, 11 / 3, 0])


def test_homes_beyond_the_limit_are_refused() -> None:
    with pytest.raises(ProblemError, match=r"At hour 6 the homes alone take 6 kW of 5 kW"):
        charging(FLEET, HOMES, limit=5.0, tariff=0.3)


def test_a_car_without_the_time_is_refused() -> None:
    late = replace(FLEET, departure=np.array([24.0, 20.0, 19.0, 7.0]))
    with pytest.raises(ProblemError, match=r"Car 3 needs 12 kWh, but can take 11 kWh"):
        charging(late, HOMES, limit=9.0, tariff=0.3)


def test_too_many_needs_are_proven_impossible() -> None:
    day = charging(FLEET, HOMES, limit=6.5, tariff=0.3, wear=0.01)
    with pytest.raises(ProblemError, match="No decisions within the agents' bounds"):
        clear(day)


def test_a_missing_demandlib_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "demandlib.bdew", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[charging\]'"):
        demandlib.households("2026-01-14 12:00")


def test_a_household_uses_a_thousand_kilowatt_hours_a_year() -> None:
    year = demandlib.households("2026-01-01", 365 * 96)
    assert year.sum() / 4 == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_cheapest_within_a_budget_meets_its_optimality_conditions(seed: int) -> None:
    random = np.random.default_rng(seed)
    slope, curved, upper = random.normal(size=9), random.uniform(0.1, 10, 9), random.uniform(0, 2, 9)
    total = random.uniform(0, upper.sum())
    with jax.enable_x64(True):
        budget = Budget(jnp.zeros(9), jnp.asarray(upper), total)
        x = np.asarray(budget.cheapest(jnp.asarray(slope), jnp.asarray(curved)))
    assert x.sum() == pytest.approx(total, abs=1e-12)
    marginal, free = slope + curved * x, (x > 0) & (x < upper)
    if free.any():
        level = marginal[free].mean()
        np.testing.assert_allclose(marginal[free], level, atol=1e-9)
        assert (marginal[x == 0] >= level - 1e-9).all()
        assert (marginal[x == upper] <= level + 1e-9).all()


def test_a_total_beyond_the_bounds_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"Agent 1's decisions have to add up to 9, but its bounds allow 0 to 4"):
        goods(total=[3.0, 9.0])


def test_a_total_without_bounds_is_refused() -> None:
    with pytest.raises(
        ProblemError, match=r"Agent 0's decisions add up to 3.0, between bounds from .* give finite bounds"
    ):
        goods(total=[3.0, 3.0], upper=np.inf)


def test_a_diagonal_says_the_same_as_its_matrix() -> None:
    market, whole = goods(), goods(A=np.stack([np.diag([1.0, 2.0]), np.diag([3.0, 1.0])]))
    assert market.coupling is not None
    np.testing.assert_array_equal(market.coupling.dense, whole.coupling.A)
    stop = accord.Stop(rounds=400, progress=0)
    one = accord.run(market, accord.ExchangeADMM(), stop=stop, record=100)
    other = accord.run(whole, accord.AcceleratedDual(), stop=stop, record=100)
    np.testing.assert_allclose(one.prices, other.prices, atol=1e-9)
    np.testing.assert_allclose(one.x, other.x, atol=1e-9)


def goods(A: Any = ((1.0, 2.0), (3.0, 1.0)), upper: float = 2.0, total: Any = None) -> Coupled:
    """Two agents, two goods: row i is about the i-th alone."""
    curves = [(np.full((1, 2), 0.5), np.array([[-c, -2.0]]), np.zeros((1, 2))) for c in (1.0, 2.0)]
    return Coupled(CostCurve(), curves, A, [4.0, 3.0], sense="<=", lower=0, upper=upper, total=total)


ONE_CAR = {"arrival": [18.0], "departure": [22.0], "need": [10.0], "power": [11.0]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"departure": [17.0]}, r"Car 0 has a departure of 17, and an arrival of 18\. Give an hour after its arrival"),
        ({"departure": [43.0]}, r"Car 0 has a departure of 43, .* at most 24 after its arrival"),
        ({"departure": [np.inf]}, "Car 0 has a departure of inf"),
        ({"arrival": [-1.0]}, r"Car 0 has a arrival of -1\. Give an hour of the day"),
        ({"arrival": [24.5]}, "arrival of 24.5"),
        ({"need": [np.nan]}, r"Car 0 has a need of nan\. Give kWh that are not negative"),
        ({"power": [0.0]}, "Car 0 has a power of 0"),
        ({"need": []}, r"one number a car of each, but the shapes are .* need \(0,\)"),
        ({name: [] for name in ONE_CAR}, "Give .K,. of each"),
    ],
)
def test_a_car_whose_numbers_are_none_is_refused(change: dict[str, list[float]], told: str) -> None:
    with pytest.raises(ProblemError, match=told):
        Fleet(**ONE_CAR | change)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"load": []}, r"The load has the shape \(0,\)"),
        ({"tariff": [0.3, 0.2]}, r"the tariff \(2,\)"),
        ({"load": [1.0, np.nan, 1.0, 1.0]}, "The load holds 1 numbers that are NaN"),
        ({"limit": np.inf}, "The limit holds 1 numbers that are NaN or infinite"),
        ({"wear": 0.0}, "wear=0: without a cost that curves"),
    ],
)
def test_a_day_whose_numbers_are_none_is_refused(change: dict[str, Any], told: str) -> None:
    day = {"load": [1.0] * 4, "limit": 20.0, "tariff": 0.3} | change
    with pytest.raises(ProblemError, match=told):
        charging(Fleet(**ONE_CAR), **day)  # pyright: ignore[reportArgumentType]


def test_a_car_over_midnight_charges_in_the_evening_and_in_the_morning() -> None:
    """From 18 to 31, seven in the morning: two hours of the fourth step of six, and the first, of four."""
    late = Fleet(**ONE_CAR | {"departure": [31.0], "need": [100.0]})  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(late.most(4, 6.0), [[11, 11 / 6, 0, 11]])
    np.testing.assert_allclose(late.at_once(4, 6.0), [[34 / 6, 0, 0, 11]])  # 66 kWh until midnight, 34 after it
    day = charging(late, [0.0] * 4, limit=20.0, tariff=0.3)
    np.testing.assert_allclose(day.solve(), [[89 / 12, 11 / 6, 0, 89 / 12]], atol=9)
