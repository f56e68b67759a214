"""A million clients of SCAFFOLD, 1000 a round, beside fewer clients and other cohorts: time a round, and memory.

Softmax regression with 100 features and 10 classes, d = 1000, so that the clients' control variates are 4 GB for a
million of them; 5 to 35 rows a client, made by a function of the client's number; one local epoch in order by batches
of 10. Each size runs in a process of its own, so that its peak of memory is its own. The time of a round is the slope
between a short and a long run, both whole calls of the public `run`: the median of five pairs. The objective is that of
a panel of 1000 clients, at the start and at the end.

    python benchmarks/million.py [--rounds 40] [--sizes 10000 100000 1000000] [--cohorts 500 2000]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
from machine import seconds, write

import accord

FEATURES, CLASSES, COHORT, SHORT = 100, 10, 1000, 5


def crowd(clients: int) -> accord.Problem:
    """Clients whose labels lean each to a side of its own."""
    truth = np.random.default_rng(0).standard_normal((FEATURES, CLASSES)).astype(np.float32)
    sizes = np.random.default_rng(1).integers(5, 36, clients)

    def shard(k: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng([0, k])
        rows = random.standard_normal((sizes[k], FEATURES), dtype=np.float32)
        lean = random.standard_normal(CLASSES, dtype=np.float32)
        return rows, np.argmax(rows @ truth + lean, 1).astype(np.int32)

    return accord.problems.softmax(accord.problems.generated(shard, sizes), CLASSES)


def measured(clients: int, cohort: int, rounds: int) -> dict[str, Any]:
    """Seconds a round, seconds to start, and the peak of memory, of this process."""
    local = accord.SGD(epochs=1, batch_size=10, step_size=0.02, shuffle=False)
    problem = crowd(clients)
    runs: list[accord.Run] = []

    def whole(rounds: int) -> None:
        stop = accord.Stop(rounds=rounds, progress=0.0)
        runs.append(accord.run(problem, accord.SCAFFOLD(local), participation=cohort, stop=stop, record=rounds))

    first = seconds(partial(whole, 1))  # compiled, and everything that is done once over all clients
    slopes = [seconds(partial(whole, SHORT + rounds)) - seconds(partial(whole, SHORT)) for _ in range(5)]
    longest = max(runs, key=lambda run: run.rounds)
    return {
        "seconds_to_first_round": first,
        "ms_a_round": 1e3 * statistics.median(slopes) / rounds,
        "peak_memory_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "objective_over_panel": longest.history["objective"].iloc[[0, -1]].tolist(),
    }


def main() -> None:
    """Measure each size in a process of its own, print, and write `results/million.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--cohorts", type=int, nargs="+", default=[500, 2000], help="of the largest crowd")
    arguments.add_argument("--alone", type=int, nargs=2, help="measure these in this process, and print JSON")
    given = arguments.parse_args()
    if given.alone:
        clients, cohort = given.alone
        print(json.dumps(measured(clients, cohort, given.rounds)))
        return
    figures = {}
    print(f"{'clients':>10}{'cohort':>8}{'ms a round':>12}{'first round, s':>16}{'peak, GB':>10}")
    crowds = [(clients, COHORT) for clients in given.sizes] + [(max(given.sizes), cohort) for cohort in given.cohorts]
    for clients, cohort in crowds:
        command = [sys.executable, __file__, "--alone", str(clients), str(cohort), "--rounds", str(given.rounds)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        figures[f"{clients:,} clients, {cohort} a round"] = found
        print(
            f"{clients:10,}{cohort:8}{found['ms_a_round']:12.1f}{found['seconds_to_first_round']:16.2f}"
            f"{found['peak_memory_GB']:10.2f}",
            flush=True,
        )
    print(f"\nwritten to {write('million', figures)}")


if __name__ == "__main__":
    main()
