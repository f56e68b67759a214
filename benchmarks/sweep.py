"""32 step sizes in one program, beside 32 runs.

Two tasks: gradient tracking on 20 peers of a ring, least squares with 50 rows of 20 features each; and FedAvg on 20
clients, softmax regression with 100 rows of 50 features in 5 classes. 200 rounds each, float32, whole calls counted: a
loop over `accord.run` compiles once, for a new step size compiles nothing anew.

    python benchmarks/sweep.py
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from machine import seconds, side_by_side, table, write

import accord

VALUES = np.geomspace(1e-3, 0.3, 32).astype(np.float32).tolist()
STOP = accord.Stop(rounds=200, progress=0.0)


def tracking() -> tuple[accord.Problem, Any, dict[str, Any]]:
    r = np.random.default_rng(0)
    shards = [(r.standard_normal((50, 20), np.float32), r.standard_normal(50, np.float32)) for _ in range(20)]
    return accord.problems.least_squares(shards), accord.GradientTracking, {"network": accord.networks.ring(20)}


def averaging() -> tuple[accord.Problem, Any, dict[str, Any]]:
    r = np.random.default_rng(0)
    shards = [(r.standard_normal((100, 50), np.float32), r.integers(0, 5, 100)) for _ in range(20)]
    local = partial(accord.SGD, epochs=1, batch_size=20, shuffle=False)
    return accord.problems.softmax(shards, 5), lambda a=None: accord.FedAvg(local(step_size=a)), {}


def main() -> None:
    """Measure, print, and write `results/sweep.json`."""
    figures = {}
    for name, task in (("GradientTracking", tracking), ("FedAvg", averaging)):
        problem, method, how = task()

        def one(a: float, problem: Any = problem, method: Any = method, how: Any = how) -> accord.Run:
            return accord.run(problem, method(a), stop=STOP, **how)

        def swept(problem: Any = problem, method: Any = method, how: Any = how) -> accord.Sweep:
            return accord.sweep(problem, method(), stop=STOP, step_size=VALUES, **how)

        works = {
            "a sweep": partial(seconds, swept),
            "32 runs": partial(seconds, lambda one=one: [one(a) for a in VALUES]),
            "1 run": partial(seconds, partial(one, VALUES[10])),
        }
        figures[name] = table(f"{name}, 32 step sizes", "s", side_by_side(works, repeats=3), "1 run")
    print(f"\nwritten to {write('sweep', figures)}")


if __name__ == "__main__":
    main()
