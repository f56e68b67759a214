"""FedAvg on 100 clients, all of them and 10 a round, beside its floor and pfl.

Softmax regression, 200 rows of 784 features a client, 10 classes, float32, one local epoch in order by batches of 20.
The floor is what no implementation in float32 can do without: the two products of a full pass over the cohort's rows,
fused into one each, in the quickest order, by the BLAS of NumPy on all cores.

    python benchmarks/fedavg.py [--pfl /path/to/its/python] [--rounds 300]
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
from machine import peer, seconds, side_by_side, table, write

import accord

CLIENTS, ROWS, FEATURES, CLASSES = 100, 200, 784, 10


def task() -> tuple[np.ndarray, np.ndarray]:
    """Features and labels, the same for every system."""
    r = np.random.default_rng(0)
    X = r.standard_normal((CLIENTS, ROWS, FEATURES))
    W = r.standard_normal((FEATURES, CLASSES)) / np.sqrt(FEATURES)
    y = np.argmax(X @ W + 0.5 * r.standard_normal((CLIENTS, ROWS, CLASSES)), -1)
    return X.astype(np.float32), y


def floor(rows: np.ndarray) -> float:
    """Seconds of the scores and of the gradient Σ scores ⊗ row over all the rows, in the quickest order of the factors.

    Weights are kept (in, out) or (out, in); which is quicker depends on the machine and its BLAS.
    """
    inward = np.ones((FEATURES, CLASSES), np.float32)
    outward = np.ones((CLASSES, FEATURES), np.float32)
    orders = (
        lambda: rows.T @ (rows @ inward),
        lambda: (rows @ outward.T).T @ rows,
        lambda: (outward @ rows.T) @ rows,
    )
    return min(seconds(products) for products in orders for _ in range(3))


def accords(problem: accord.Problem, cohort: int, rounds: int) -> float:
    """Seconds a round through the public `run`, records and stop test on, the whole call counted."""
    local = accord.SGD(epochs=1, batch_size=20, step_size=0.05, shuffle=False)
    stop = accord.Stop(rounds=rounds, progress=0.0)
    whole = partial(accord.run, problem, accord.FedAvg(local), participation=cohort, stop=stop)
    return seconds(whole) / rounds


def main() -> None:
    """Measure, print, and write `results/fedavg.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pfl", help="the Python of an environment with pfl and torch")
    arguments.add_argument("--rounds", type=int, default=300)
    given = arguments.parse_args()
    X, y = task()
    problem = accord.problems.softmax([(X[k], y[k]) for k in range(CLIENTS)], CLASSES)
    loss = (
        accord.run(
            problem,
            accord.FedAvg(accord.SGD(epochs=1, batch_size=20, step_size=0.05, shuffle=False)),
            stop=accord.Stop(rounds=20),
            record=20,
        )
        .history["objective"]
        .iloc[-1]
    )
    print(f"mean loss after 20 full rounds: {loss:.4f}")
    figures = {"loss_after_20_rounds": loss}
    for cohort in (CLIENTS, 10):
        rounds = given.rounds * CLIENTS // cohort
        rows = X[:cohort].reshape(-1, FEATURES)
        works = {"floor": partial(floor, rows), "accord": partial(accords, problem, cohort, rounds)}
        measured = side_by_side(works)
        if given.pfl:
            measured["pfl"] = [float(peer(given.pfl, "pfl_fedavg.py", str(cohort)) or 0)] * len(measured["accord"])
        measured = {name: [1e3 * value for value in values] for name, values in measured.items()}
        figures[f"cohort_{cohort}"] = table(
            f"FedAvg, {cohort} of {CLIENTS} clients a round", "ms a round", measured, "floor"
        )
    print(f"\nwritten to {write('fedavg', figures)}")


if __name__ == "__main__":
    main()
