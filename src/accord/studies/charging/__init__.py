"""Electric cars under a transformer: a price for every quarter of an hour, the plans it calls forth, who pays it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np

from accord import methods
from accord.core.formatting import count, number
from accord.core.stopping import Stop
from accord.problems.centralised_coupled import clear
from accord.problems.data.sources.demandlib import households
from accord.problems.instances.ev_charging import Charging, Fleet, charging
from accord.results.reports.sections import Chapter
from accord.results.run import Run
from accord.run import run as solve
from accord.studies.charging import figures

if TYPE_CHECKING:
    from accord.studies.study import Study

KWH = 3500.0  # a year, that a household uses
CHEAP, DEAR = 0.20, 0.35  # €/kWh, when the homes take least and most
WEAR = 0.002  # €/kWh for a kW more
POWERS = {3.7: 0.25, 7.4: 0.25, 11.0: 0.5}  # kW, and the share of cars


def fleet_of(cars: int, seed: int) -> Fleet:
    """Cars as a commuters' street has them: home at six, give or take an hour or two; away at seven; 10 kWh to fill.

    Arrivals N(18:00, 1.6 h), departures N(7:12, 0.9 h), needs lognormal with the median 9 kWh, from 2 to 45 kWh.
    """
    random = np.random.default_rng(seed)
    arrival, departure = np.clip(random.normal(6, 1.6, cars), 0.5, 11), np.clip(random.normal(19.2, 0.9, cars), 16, 23)
    power = random.choice(list(POWERS), cars, p=list(POWERS.values()))
    wish = np.clip(random.lognormal(np.log(9), 0.55, cars), 2, 45)
    return Fleet(arrival, departure, np.minimum(wish, 0.95 * power * (departure - arrival)), power)


def problem(cars: int, limit: float, day: str, fleet_seed: int = 0) -> Charging:
    """`cars` cars and as many homes; `limit`: kW of the transformer; `day`: where the 24 hours begin, a noon."""
    homes = cars * KWH / 1000 * households(day)
    tariff = CHEAP + (DEAR - CHEAP) * (homes - homes.min()) / np.ptp(homes)
    return charging(fleet_of(cars, fleet_seed), homes, limit, tariff, WEAR)


def chapters(study: Study, run: Run) -> Iterator[Chapter]:
    """The day with and without a price; every car's plan; who pays; a fleet small enough for a centralised solver."""
    day = cast(Charging, study.problem)
    yield the_day(day, run)
    yield every_plan(day, run)
    yield who_pays(day, run)
    yield small_fleet(day)


def the_day(day: Charging, run: Run) -> Chapter:
    """Loads with and without coordination, and the price that makes the difference."""
    import pandas as pd

    cars = {
        "all on coming home": day.at_once.sum(0),
        "all when power is cheapest": lone_plans(day).sum(0),
        "by the price of room": np.asarray(run.x).sum(0),
    }
    price = day.tariff + np.asarray(run.prices) / day.hours
    peaks = {name: (day.load + load).max() for name, load in cars.items()}
    first, second, third = peaks.values()
    text = f"""Left alone, cars charge when they come home, at the hour when people cook: {count(first)} kW, where the
    transformer gives {count(day.limit)}. A tariff that is low at night moves the trouble and does not end it: all wait
    for the same cheap hours, and then the load is {count(second)} kW.

    So let the transformer have a price, for every quarter of an hour, and raise it where too much is wanted. Every car
    answers with the plan that is best for itself. After {count(run.rounds)} rounds the load is {count(third)} kW at
    most, every car has what it needs, and in the fullest quarter the price of room is
    {number(100 * float((np.asarray(run.prices) / day.hours).max()), 2)} cents a kWh beyond the tariff."""
    table = pd.DataFrame(
        {
            "charging": list(cars),
            "peak, kW": [float(peak) for peak in peaks.values()],
            "above the limit, kWh": [
                round(float(day.hours * np.maximum(day.load + load - day.limit, 0).sum()), 3) for load in cars.values()
            ],
            "cars filled, kWh": [float(day.hours * load.sum()) for load in cars.values()],
            "energy at the tariff, €": [float(day.hours * day.tariff @ load) for load in cars.values()],
        }
    )
    return Chapter("The day, with and without a price", text, figures.load_of_a_day(day, cars, price), table)


def lone_plans(day: Charging) -> np.ndarray:
    """(K, T), what every car would do at the tariff alone: its best response to a price of zero."""
    free = charging(day.fleet, 0 * day.load, 2 * float(day.fleet.power.sum()), day.tariff, WEAR)
    return np.asarray(solve(free, methods.DualDecomposition(), stop=Stop(rounds=1)).x)


def every_plan(day: Charging, run: Run) -> Chapter:
    """One row a car."""
    text = f"""Each row is one of the {count(len(day.fleet.need))} cars, from the first to leave to the last; the
    darker, the more power it takes. Those who leave late, or need little, make room for those who cannot wait. No row
    is known to anybody but its car: the transformer hears only what they take together."""
    return Chapter("A thousand plans that nobody made", text, figures.every_plan(day, np.asarray(run.x)))


def who_pays(day: Charging, run: Run) -> Chapter:
    """Tell what room costs a car, against how long it could wait."""
    room = day.hours * np.asarray(run.x) @ (np.asarray(run.prices) / day.hours)
    slack = day.fleet.departure - day.fleet.arrival - day.fleet.need / day.fleet.power
    each = room / day.fleet.need
    hurried, patient = slack < np.quantile(slack, 0.1), slack > np.quantile(slack, 0.9)
    energy = float(day.hours * (day.tariff @ np.asarray(run.x).sum(0)))
    text = f"""Room under the transformer has a price where it is scarce, and a car pays it for what it takes then. The
    tenth of the cars with the least time to spare pay {number(100 * float(each[hurried].mean()), 2)} cents a kWh for
    room, the tenth with the most {number(100 * float(each[patient].mean()), 2)}. All together pay
    {count(float(room.sum()))} € for room and {count(energy)} € for energy. What waiting is worth is told car by car,
    and nobody had to ask."""
    return Chapter("Who pays for room", text, figures.who_pays(slack, 100 * each))


def small_fleet(day: Charging, cars: int = 20) -> Chapter:
    """The centralised answer, where it can be had."""
    share, hours = cars / day.K, (24, -1)
    shared = charging(
        day.fleet.first(cars),
        share * day.load.reshape(hours).mean(1),
        share * day.limit,
        day.tariff.reshape(hours).mean(1),
        WEAR,
    )
    best, run = clear(shared), solve(shared, methods.AcceleratedDual(), stop=Stop(rounds=2000, progress=0), record=50)
    text = f"""Of the thousand no solver was asked; a bound proves the plan: no plan costs less than what the prices
    promise, and the two agree. For {cars} of the cars, by the hour, an interior-point method that sees every car was
    asked too. The two costs differ by {number(abs(float(run.history["objective"].iloc[-1]) - best.value), 2)} € of
    {number(best.value)} €, the plans by {number(float(np.abs(run.x - best.x).max()), 2)} kW at most, the prices by
    {number(float(np.abs(run.prices - best.price).max()), 2)} €."""
    return Chapter("Checked where it can be", text)
