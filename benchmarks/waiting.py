"""Waiting or not, with ten of a hundred agents ten times slower: simulated seconds to a target, and arrivals a second.

python benchmarks/waiting.py
"""

from __future__ import annotations

from typing import Any

import numpy as np
from machine import seconds, write

import accord
from accord.studies.baselines import pooled

TARGET = 1e-3  # above the optimum of F
PACES = np.repeat([1.0, 10.0], [90, 10])
LOCAL = accord.GradientDescent(steps=5)
WAITING: dict[str, Any] = {"FedSGD": accord.FedSGD(), "FedAvg": accord.FedAvg(LOCAL)}
HURRIED: dict[str, Any] = {
    "AsyncSGD": accord.AsyncSGD(),
    "PIAG": accord.PIAG(),
    "FedBuff": accord.FedBuff(local=LOCAL),
    "FedAsync": accord.FedAsync(local=LOCAL),
    "Rennala": accord.Rennala(),
    "Ringmaster": accord.Ringmaster(),
}


def main() -> None:
    """Run everybody on one clock, and PIAG once more by the wall."""
    problem, timed = agents(), accord.runtimes.Timed(accord.Clock(accord.clocks.lognormal(PACES, 0.3), network=0.1))
    best, figures = pooled(problem).objective, {}
    for name, method in (WAITING | HURRIED).items():
        rounds, record = (40, 1) if name in WAITING else (40_000, 100)
        run = accord.run(problem, method, runtime=timed, stop=accord.Stop(rounds=rounds, progress=0), record=record)
        above, clock = (run.history[column].to_numpy() for column in ("objective", "clock"))
        above = above - best
        there = clock[above < TARGET]
        figures[name] = {"seconds": float(there[0]) if len(there) else None, "ends above the optimum": float(above[-1])}
        print(f"{name:10} {figures[name]['seconds']!s:>20.6} simulated seconds, ends {above[-1]:.0e} above")
    how: dict[str, Any] = {"runtime": timed, "stop": accord.Stop(rounds=100_000, progress=0), "record": 10_000}
    wall = min(seconds(lambda: accord.run(problem, accord.PIAG(), **how)) for _ in range(3))
    print(f"PIAG: {100_000 / wall:,.0f} arrivals a second of the wall")
    write("waiting", {"target": TARGET, "methods": figures, "arrivals a second": 100_000 / wall})


def agents() -> accord.Problem:
    """A hundred least-squares problems around one truth, as in the guide."""
    random = np.random.default_rng(0)
    truth, shards = random.normal(size=5), []
    for _ in PACES:
        x = random.normal(size=(20, 5))
        shards.append((x, x @ (truth + 0.3 * random.normal(size=5)) + random.normal(size=20)))
    return accord.problems.least_squares(shards)


if __name__ == "__main__":
    main()
