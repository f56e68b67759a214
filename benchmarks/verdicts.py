"""How often what is said of a run is false: small random runs with everything by default.

A third each with a server, among peers and by prices, in units from 1e-6 to 1e6; quadratics of condition numbers up to
1e6, least squares and logistic regression, weights equal and very unequal; markets in which few plants run. The truth
is worked out in NumPy. False is: "converged" with more than 1e-4 of the descent F(x0) − F* still to go (by prices: a
cost or a supply 1e-4 off the planner's); a floor said of a method that is exact; and a run given up, as diverged,
infeasible, unbounded or unmoved, that has an answer and ends no worse than it began.

    python benchmarks/verdicts.py --runs 1500 [--before older/src]

`--before` lives the same runs with another checkout of Accord, which may be older than `run.status`. Every problem has
one of a few shapes, so that few programs are compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from machine import write

import accord

K, ROWS, D = 6, 8, 4
STOP = accord.Stop(rounds=2000)
NETWORKS = (accord.networks.ring(K), accord.networks.path(K))
L2 = (1e-4, 1e-2)  # a number of a loss is compiled into its programs: two of them, and features of one size
SERVER = (accord.FedSGD, accord.methods.ConsensusADMM, accord.methods.SCAFFOLD, accord.FedAvg)
PEERS = (accord.GradientTracking, accord.methods.NIDS, accord.methods.EXTRA, accord.DGD)
PRICES = (
    accord.DualDecomposition,
    accord.ExchangeADMM,
    accord.methods.SharingADMM,
    accord.methods.ADAL,
    accord.methods.AcceleratedDual,
    accord.methods.TrackingADMM,
)
WORDS = ("converged", "floor", "limit", "diverged", "given up")
FALSE = ("converged, 1e-4 off", "a floor of an exact method", "given up on the way")


class Case(NamedTuple):
    """A run to be made, and the truth about it."""

    problem: Any
    method: Any
    network: Any
    off: Callable[[Any], float]  # how far an answer is from the optimum, of the descent or of the cost
    exact: bool


def quadratic(rng: np.random.Generator) -> Any:
    """½ (x − c_k)ᵀ H_k (x − c_k), condition numbers from 1 to 1e6, in units from 1e-6 to 1e6."""
    units, size = 10 ** rng.uniform(-6, 6, 2)
    spectrum = 10 ** -rng.uniform(0, rng.uniform(0, 6), (K, D))
    turns = np.linalg.qr(rng.normal(size=(K, D, D)))[0]
    H = units * np.einsum("kij,kj,klj->kil", turns, spectrum, turns)
    c = size * rng.normal(size=(K, D))
    problem = accord.problems.quadratic(H, c, weights=weights(rng))
    p = problem.weights
    x = np.linalg.solve(np.einsum("k,kij->ij", p, H), np.einsum("k,kij,kj->i", p, H, c))

    def F(x: np.ndarray) -> float:
        return float(p @ np.einsum("ki,kij,kj->k", x - c, H, x - c)) / 2

    return problem, F, x


def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features of uneven columns, and labels."""
    A = rng.normal(size=(K, ROWS, D)) * 10 ** rng.uniform(-1.5, 0, D)
    return A, (rng.random((K, ROWS)) < 1 / (1 + np.exp(-A.sum(2)))).astype(float)


def least_squares(rng: np.random.Generator) -> Any:
    A, _ = rows(rng)
    b = 10 ** rng.uniform(-6, 6) * (A @ rng.normal(size=D) + rng.normal(size=(K, ROWS)))
    problem = accord.problems.least_squares(list(zip(A, b, strict=True)), weights=weights(rng))
    p = problem.weights / ROWS
    x = np.linalg.solve(np.einsum("k,kri,krj->ij", p, A, A), np.einsum("k,kri,kr->i", p, A, b))
    return problem, lambda x: float(p @ ((A @ x - b) ** 2).sum(1)) / 2, x


def logistic(rng: np.random.Generator) -> Any:
    A, b = rows(rng)
    l2 = L2[rng.integers(len(L2))]
    problem = accord.problems.logistic(list(zip(A, b, strict=True)), l2=l2, weights=weights(rng))
    p, x = problem.weights / ROWS, np.zeros(D)

    def F(x: np.ndarray) -> float:
        return float(p @ (np.logaddexp(0, A @ x) - b * (A @ x)).sum(1) + l2 / 2 * x @ x)

    for _ in range(100):  # Newton's steps, halved where they do not descend
        s = 1 / (1 + np.exp(-A @ x))
        g = np.einsum("k,kr,kri->i", p, s - b, A) + l2 * x
        step = np.linalg.solve(np.einsum("k,kr,kri,krj->ij", p, s * (1 - s), A, A) + l2 * np.eye(D), g)
        x = next((x - t * step for t in 0.5 ** np.arange(30) if F(x - t * step) < F(x)), x)
    return problem, F, x


def weights(rng: np.random.Generator) -> np.ndarray:
    """Equal, or very unequal."""
    return np.ones(K) / K if rng.random() < 0.5 else rng.dirichlet(np.full(K, 0.3)) * 0.999 + 0.001 / K


def common(rng: np.random.Generator, kinds: tuple[Any, ...], network: Any) -> Case:
    """One model for all."""
    problem, F, best = (quadratic, least_squares, logistic)[rng.integers(3)](rng)
    kind = kinds[rng.integers(len(kinds))]
    start, least = F(np.zeros(D)), F(best)
    return Case(problem, kind(), network, lambda run: (F(run.x) - least) / (start - least), kind().exact is True)


def market(rng: np.random.Generator) -> Case:
    """Plants whose costs begin far apart, so that few run; in W, kW or MW, in cents or millions."""
    power, money = 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-3, 3)
    most = rng.uniform(0.2, 2, 4)
    c1, c2 = np.cumsum(rng.exponential(rng.choice([0.1, 1, 10]), 4)), 10 ** rng.uniform(-3, 0, 4)
    demand = rng.uniform(0.05, 0.95) * most.sum()
    low, high = 0.0, c1.max() + 2 * (c2 * most).max()
    for _ in range(200):  # the price at which the plants meet the demand
        price = (low + high) / 2
        x = np.clip((price - c1) / (2 * c2), 0, most)
        low, high = (price, high) if x.sum() < demand else (low, price)
    cost = c2 @ x**2 + c1 @ x
    problem = accord.problems.dispatch(
        money * c2 / power**2, money * c1 / power, np.zeros(4), np.zeros(4), power * most, power * demand
    )
    kind = PRICES[rng.integers(len(PRICES))]

    def off(run: Any) -> float:
        y = np.ravel(run.x) / power
        return max(abs(c2 @ y**2 + c1 @ y - cost) / cost, abs(y.sum() - demand) / demand)

    network = accord.networks.ring(4) if kind is accord.methods.TrackingADMM else None
    return Case(problem, kind(), network, off, True)


def said(run: Any) -> str:
    """What is said of a run, in a word; by the sentence where there is no status yet."""
    if hasattr(run, "status"):
        return run.status.short
    word: str = run.reason.split()[0].strip(":")
    return {"stands": "floor", "stopped": "limit", "cannot": "infeasible"}.get(word, word)


def counted(draw: Callable[[np.random.Generator], Case], runs: int, seed: int = 0) -> dict[str, int]:
    """The verdicts of so many runs, and how many of them are false."""
    seen = Counter(dict.fromkeys(("runs", *WORDS, *FALSE, "false of exact methods"), 0))
    rounds = []
    for i in range(runs):
        case = draw(np.random.default_rng((seed, i)))
        run = accord.run(case.problem, case.method, network=case.network, stop=STOP)
        off, word = case.off(run), said(run)
        wrong = (
            word == "converged" and not off <= 1e-4,
            word == "floor" and case.exact,
            word not in WORDS[:3] and off <= 1,
        )
        seen.update(
            ["runs", word if word in WORDS else "given up", *(name for name, is_so in zip(FALSE, wrong) if is_so)]
        )
        seen["false of exact methods"] += case.exact and any(wrong)
        if case.exact and word == "converged" and off <= 1e-4:
            rounds.append(run.rounds)
        if any(wrong):
            names = type(case.method).__name__, type(case.problem.loss).__name__
            print(i, *names, f"off by {off:.1e}", run.rounds, run.reason, file=sys.stderr)
    return {**seen, "median rounds where rightly converged": int(np.median(rounds)) if rounds else 0}


def measured(runs: int) -> dict[str, dict[str, int]]:
    """The counts of each pattern."""
    draws = {
        "server": partial(common, kinds=SERVER, network=None),
        "peers": lambda rng: common(rng, PEERS, NETWORKS[rng.integers(len(NETWORKS))]),
        "prices": market,
    }
    return {name: counted(draw, runs // len(draws)) for name, draw in draws.items()}


def before(source: str, runs: int) -> dict[str, dict[str, int]]:
    """The counts of the same runs with the package at another place."""
    command = [sys.executable, __file__, "--runs", str(runs), "--print"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": source}, stdout=subprocess.PIPE, check=True)
    return {f"{name}, before": seen for name, seen in json.loads(done.stdout).items()}


def main() -> None:
    """Count, print, and write `results/verdicts.json`."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=1500)
    arguments.add_argument("--before", help="where an older package is")
    arguments.add_argument("--print", action="store_true", help="only print the counts, as JSON")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    found = measured(given.runs)
    if given.print:
        print(json.dumps(found))
        return
    if given.before:
        found = before(given.before, given.runs) | found
    for name, seen in found.items():
        print(f"{name}: " + "; ".join(f"{what} {count:,}" for what, count in seen.items()))
    print(f"written to {write('verdicts', found)}")


if __name__ == "__main__":
    main()
