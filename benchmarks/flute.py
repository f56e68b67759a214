"""The LR-MNIST protocol that FLUTE publishes: 1000 clients, 10 a round, 100 rounds, batches of 10, step .03.

Data of the same shape: 784 features, 10 classes, 60 rows a client on average (sizes by a Poisson law), float32; one
local epoch, reshuffled. A process of its own, so that nothing has been compiled before. `whole` is what a user waits
for: the checks of the data, the compilation, 100 rounds, the objective over all clients at the start and at the end,
and every client's own model; `again` is the same call a second time, which compiles nothing. Importing Accord and
drawing the data are told beside.

    python benchmarks/flute.py [--repeats 5]

Published for comparison in FLUTE's README: Flower 30 min 14 s, FLUTE 3 min 20 s, on CPUs of their own; see there for
what theirs counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from functools import partial

from machine import seconds, write

CLIENTS, COHORT, ROUNDS, ROWS, FEATURES, CLASSES = 1000, 10, 100, 60, 784, 10


def measured() -> dict[str, float]:
    """Seconds of each part, in this process, of which nothing has been used yet."""
    started = time.perf_counter()
    import numpy as np

    import accord

    imported = time.perf_counter()
    random = np.random.default_rng(0)
    sizes = np.maximum(random.poisson(ROWS, CLIENTS), 1)
    X = random.standard_normal((sizes.sum(), FEATURES), dtype=np.float32)
    truth = random.standard_normal((FEATURES, CLASSES), dtype=np.float32)
    y = np.argmax(X @ truth, 1)
    drawn = time.perf_counter()

    def whole() -> accord.Run:
        ends = np.cumsum(sizes)
        shards = [(X[end - n : end], y[end - n : end]) for end, n in zip(ends, sizes, strict=True)]
        method = accord.FedAvg(accord.SGD(epochs=1, batch_size=10, step_size=0.03))
        stop = accord.Stop(rounds=ROUNDS, progress=0.0)
        return accord.run(accord.problems.softmax(shards, CLASSES), method, participation=COHORT, stop=stop)

    run = None
    first = time.perf_counter()
    run = whole()
    last = time.perf_counter()
    return {
        "import": imported - started,
        "data": drawn - imported,
        "whole": last - first,
        "again": seconds(partial(whole)),
        "objective": float(run.history["objective"].iloc[-1]),
    }


def main() -> None:
    """Measure in fresh processes, print, and write `results/flute.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--alone", action="store_true", help="measure in this process, and print JSON")
    given = arguments.parse_args()
    if given.alone:
        print(json.dumps(measured()))
        return
    command = [sys.executable, __file__, "--alone"]
    found = [
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(given.repeats)
    ]
    figures = {}
    for name in ("import", "data", "whole", "again"):
        values = [one[name] for one in found]
        figures[name] = {"median": statistics.median(values), "least": min(values), "most": max(values), "unit": "s"}
        print(f"{name:8}" + "".join(f"{figures[name][what]:9.2f}" for what in ("median", "least", "most")) + "  s")
    print(f"objective after {ROUNDS} rounds: {found[0]['objective']:.4f}")
    print(f"\nwritten to {write('flute', {'protocol': figures, 'objective': found[0]['objective']})}")


if __name__ == "__main__":
    main()
