"""The study of charging: a small street, its day and its chapters."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.problems import Charging
from accord.studies import charging


@pytest.fixture(scope="module")
def street() -> tuple[Charging, accord.Run]:
    day = charging.problem(cars=24, limit=28.8, day="2026-01-14 12:00")
    return day, accord.run(day, accord.AcceleratedDual(), stop=accord.Stop(rounds=600, progress=0), record=100)


def test_a_fleet_is_fixed_by_its_seed_and_can_be_charged() -> None:
    fleet, again, other = (charging.fleet_of(50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(fleet.need, again.need)
    assert not np.array_equal(fleet.need, other.need)
    assert (fleet.need <= fleet.power * (fleet.departure - fleet.arrival)).all()


def test_a_price_keeps_the_limit_that_cars_alone_would_break(street: tuple[Charging, accord.Run]) -> None:
    day, run = street
    chapter = charging.the_day(day, run)
    table = chapter.table.set_index("charging")
    assert table["peak, kW"].iloc[0] > 1.5 * day.limit
    assert table["peak, kW"].iloc[1] > 1.5 * day.limit
    assert table["peak, kW"].iloc[2] <= day.limit + 1e-6
    np.testing.assert_allclose(table["cars filled, kWh"], day.fleet.need.sum())
    assert f"{run.rounds} rounds" in chapter.text


def test_alone_a_car_costs_least(street: tuple[Charging, accord.Run]) -> None:
    day, run = street
    lone = charging.lone_plans(day)
    cost = lambda x: day.hours * (x @ day.tariff + day.wear / 2 * (x**2).sum(1))  # noqa: E731
    assert (cost(lone) <= cost(run.x) + 1e-9).all()
    assert (cost(lone) <= cost(day.at_once) + 1e-9).all()


def test_who_pays_for_room_is_told_in_cents(street: tuple[Charging, accord.Run]) -> None:
    day, run = street
    shown = charging.who_pays(day, run).figure.axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(shown * day.fleet.need / 100, run.x @ run.prices, rtol=1e-9)
