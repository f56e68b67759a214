"""Gradient tracking by 100 peers (and 8) on a ring, beside its floor and decent-bench.

Least squares, 100 rows of 50 features an agent, float64, weights 1/3, 1000 rounds. The floor is a product forward and
one backward with every agent's matrix, each round, by the BLAS of NumPy on one thread. Agents answer from AᵀA and Aᵀb
instead where rows are twice the decisions or more, so that they may be quicker than this; `rows` is Accord without.

    OMP_NUM_THREADS=1 python benchmarks/gradient_tracking.py [--decent-bench /path/to/its/python]
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported: the floor is that of one thread
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from functools import partial

import numpy as np
from machine import peer, seconds, side_by_side, table, write

import accord

ROWS, FEATURES, ROUNDS = 100, 50, 1000


def task(agents: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets, the same for every system."""
    r = np.random.default_rng(0)
    A = r.standard_normal((agents, ROWS, FEATURES))
    x = r.standard_normal(FEATURES)
    return A, A @ x + 0.1 * r.standard_normal((agents, ROWS))


def floor(A: np.ndarray) -> float:
    """Seconds of 1000 rounds of A_k x_k and A_kᵀ r_k for every agent, as NumPy's stacked products."""
    x, At = np.ones((len(A), FEATURES, 1)), A.transpose(0, 2, 1)

    def rounds() -> None:
        for _ in range(ROUNDS // 10):
            np.matmul(At, np.matmul(A, x))

    return 10 * min(seconds(rounds) for _ in range(2))


def accords(problem: accord.Problem, network: accord.networks.Network) -> float:
    """Seconds of 1000 rounds through the public `run`, records and stop test on, the whole call counted."""
    stop = accord.Stop(rounds=ROUNDS, progress=0.0)
    return seconds(partial(accord.run, problem, accord.GradientTracking(1e-3), network=network, stop=stop))


def from_rows(A: np.ndarray, b: np.ndarray) -> accord.Problem:
    """The same problem by a loss of which nothing is known but its gradient."""
    loss = lambda x, example: 0.5 * (example[0] @ x - example[1]) ** 2  # noqa: E731
    return accord.Problem(loss, list(zip(A, b, strict=True)), x0=np.zeros(FEATURES))


def ring(agents: int) -> accord.networks.Network:
    """Every agent hears its two neighbours, with weights 1/3."""
    W = np.eye(agents) / 3
    for shift in (-1, 1):
        W += np.roll(np.eye(agents), shift, 1) / 3
    return accord.networks.from_weights(W)


def main() -> None:
    """Measure, print, and write `results/gradient_tracking.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--decent-bench", help="the Python of an environment with decent-bench")
    given = arguments.parse_args()
    figures = {}
    for agents in (100, 8):
        A, b = task(agents)
        problem = accord.problems.least_squares([(A[k], b[k]) for k in range(agents)])
        network, plain = ring(agents), from_rows(A, b)
        works = {"floor": partial(floor, A), "accord": partial(accords, problem, network)}
        measured = side_by_side(works | {"rows": partial(accords, plain, network)})
        if given.decent_bench:
            taken = float(peer(given.decent_bench, "decent_bench_tracking.py", str(agents)) or 0)
            measured["decent-bench"] = [taken] * len(measured["accord"])
        measured = {name: [1e3 * value for value in values] for name, values in measured.items()}
        figures[f"agents_{agents}"] = table(
            f"Gradient tracking, {agents} agents", "ms for 1000 rounds", measured, "floor"
        )
    print(f"\nwritten to {write('gradient_tracking', figures)}")


if __name__ == "__main__":
    main()
