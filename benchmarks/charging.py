"""Electric cars under a transformer, up to a hundred thousand of them in one compiled program: seconds and memory.

    python benchmarks/charging.py [CARS ...]

By the hour, from noon to noon, with 1.2 kW of the transformer for each car and its home, until the plan is within a
millionth of the least cost, by the bound of its own prices, and the limit is kept to a millionth of itself. Each
number of cars is a process of its own, so that its memory is its own. Needs accord[charging].
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
from machine import write

import accord
from accord.problems import Charging, charging
from accord.studies.charging import CHEAP, DEAR, KWH, WEAR, fleet_of

CARS = (1_000, 10_000, 100_000)
ROOM = 1.2  # kW for each car and its home
NEAR = 1e-6
ROUNDS = 150


def problem(cars: int) -> Charging:
    """The study's street, by the hour, as long as it has to be."""
    from accord.problems.data.sources.demandlib import households

    homes = cars * KWH / 1000 * households("2026-01-14 12:00").reshape(24, 4).mean(1)
    tariff = CHEAP + (DEAR - CHEAP) * (homes - homes.min()) / np.ptp(homes)
    return charging(fleet_of(cars, 0), homes, ROOM * cars, tariff, WEAR)


def measured(cars: int) -> dict[str, Any]:
    """Seconds to pose the problem, to run it first and again, rounds, and the most memory that it held."""
    started = time.perf_counter()
    day = problem(cars)
    posed = time.perf_counter() - started
    runs, seconds = [], []
    for _ in range(2):
        started = time.perf_counter()
        runs.append(accord.run(day, accord.AcceleratedDual(), stop=accord.Stop(rounds=ROUNDS, progress=0), record=10))
        seconds.append(time.perf_counter() - started)
    history = runs[-1].history
    right = (history["gap"].abs() < NEAR * history["objective"]) & (history["violation"] < NEAR * day.limit)
    load = day.load + runs[-1].x.sum(0)
    return {
        "cars": cars,
        "decisions": runs[-1].x.size,
        "posed_s": posed,
        "first_s": seconds[0],
        "again_s": seconds[1],
        "rounds": runs[-1].rounds,
        "rounds_until_near": int(history["round"][right].min()) if right.any() else None,
        "peak_over_limit": float(load.max() / day.limit),
        "peak_at_once": float((day.load + day.at_once.sum(0)).max() / day.limit),
        "short_kwh": float(np.abs(day.hours * runs[-1].x.sum(1) - day.fleet.need).max()),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main(cars: list[int]) -> None:
    """Each number of cars in a process of its own."""
    rows = []
    for count in cars:
        one = [sys.executable, __file__, "--one", str(count)]
        done = subprocess.run(one, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    print(write("charging", {"runs": rows}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(int(sys.argv[2]))))
    else:
        main([int(cars) for cars in sys.argv[1:]] or list(CARS))
