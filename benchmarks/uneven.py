"""Uneven data beside the same rows spread evenly: client sizes over three orders of magnitude.

100 clients, 20,000 rows in all; evenly 200 each, and unevenly by sizes uniform in their logarithm from 1 to 1000.
Softmax regression on 784 and on 50 features, 10 classes, float32. Local work in epochs (shuffled, batches of 20) and in
full gradients; everybody and ten a round; and methods that ask all agents for a gradient at once, with a server and
among peers on a ring. The ratio is of the time a round, turn by turn.

    python benchmarks/uneven.py [--repeats 7]
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np
from machine import seconds, side_by_side, table, write

import accord

CLIENTS, ROWS, CLASSES = 100, 20_000, 10
LOCAL = accord.SGD(epochs=1, batch_size=20, step_size=0.05)
RING = accord.networks.ring(CLIENTS)
WORKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "FedAvg, epochs": (accord.FedAvg(LOCAL), {}),
    "FedAvg, 10 a round": (accord.FedAvg(LOCAL), {"participation": 10}),
    "SCAFFOLD, full gradients": (accord.SCAFFOLD(accord.GradientDescent(3, 0.05)), {}),
    "FedSGD": (accord.FedSGD(0.1), {}),
    "gradient tracking": (accord.GradientTracking(0.01), {"network": RING}),
}
"""What is done, and how; ten times as many rounds where ten clients work in one."""


def sizes_of(spread: str) -> np.ndarray:
    """Rows of every client: ROWS in all."""
    if spread == "even":
        return np.full(CLIENTS, ROWS // CLIENTS)
    raw = np.exp(np.random.default_rng(0).uniform(0, np.log(1000), CLIENTS))
    sizes = np.maximum(np.round(raw / raw.sum() * ROWS), 1).astype(int)
    sizes[np.argmax(sizes)] += ROWS - sizes.sum()
    return sizes


def problem(features: int, spread: str) -> accord.Problem:
    random = np.random.default_rng(1)
    X = random.standard_normal((ROWS, features), dtype=np.float32)
    y = np.argmax(X @ random.standard_normal((features, CLASSES), dtype=np.float32), 1)
    ends = np.cumsum(sizes_of(spread))[:-1]
    return accord.problems.softmax(list(zip(np.split(X, ends), np.split(y, ends), strict=True)), CLASSES)


def a_round(problem: accord.Problem, method: Any, rounds: int, how: dict[str, Any]) -> float:
    """Milliseconds of a round of the public `run`, the whole call counted, a record every tenth."""
    stop = accord.Stop(rounds=rounds, progress=0.0)
    return 1e3 * seconds(partial(accord.run, problem, method, stop=stop, record=rounds // 2, **how)) / rounds


def main() -> None:
    """Measure, print, and write `results/uneven.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--rounds", type=int, default=40)
    given = arguments.parse_args()
    spread = sizes_of("uneven")
    figures: dict[str, Any] = {"sizes": [int(spread.min()), int(np.median(spread)), int(spread.max())]}
    for features in (784, 50):
        problems = {name: problem(features, name) for name in ("even", "uneven")}
        for name, (method, how) in WORKS.items():
            rounds = given.rounds * (10 if "participation" in how else 1)
            works = {what: partial(a_round, one, method, rounds, how) for what, one in problems.items()}
            measured = side_by_side(works, given.repeats)
            figures[f"{name}, {features} features"] = table(
                f"{name}, {features} features", "ms a round", measured, "even"
            )
    print(f"\nwritten to {write('uneven', figures)}")


if __name__ == "__main__":
    main()
