"""How often what is said of a run is false: a few thousand small random runs with everything by default.

Every run has one of a few shapes, so that few programs are compiled. The truth is worked out here in NumPy.

    python benchmarks/verdicts.py 3000

counts, for server methods, peers and prices:

- false convergence: "converged", with more than 1e-4 (1e-6) of the descent F(x0) - F* still to go; for prices with a
  cost off by more than 1e-4 of the planner's, or a demand missed by as much;
- false floor: a floor said of a method that is exact;
- false divergence: said of a run whose end is better than its start.

It runs on versions of Accord before `run.status` too: PYTHONPATH=older/src python benchmarks/verdicts.py 3000.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import accord

K, ROWS, D = 6, 8, 4
STOP = accord.Stop(rounds=2000)
NETWORKS = (accord.networks.ring(K), accord.networks.path(K), accord.networks.complete(K))
SERVER = (accord.FedSGD, accord.methods.ConsensusADMM, accord.methods.SCAFFOLD, accord.FedAvg)
PEERS = (accord.GradientTracking, accord.methods.NIDS, accord.methods.EXTRA, accord.DGD)
PRICES = (
    accord.DualDecomposition, accord.ExchangeADMM, accord.methods.SharingADMM, accord.methods.ADAL,
    accord.methods.AcceleratedDual, accord.methods.TrackingADMM,
)  # fmt: skip


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
    A = rng.normal(size=(K, ROWS, D)) * 10 ** rng.uniform(-1.5, 0, D) * 10 ** rng.uniform(-2, 2)
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
    l2 = float(10 ** rng.uniform(-5, -1) * np.mean(A**2))
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


def counted(draw: Callable[[np.random.Generator], Case], count: int, seed: int) -> Counter[str]:
    """The verdicts of so many runs, and how many of them are false."""
    seen, rounds = Counter[str](), []
    for i in range(count):
        case = draw(np.random.default_rng((seed, i)))
        run = accord.run(case.problem, case.method, network=case.network, stop=STOP)
        off, word = case.off(run), run.reason.split()[0].strip(":")
        what = {"stands": "floor", "stopped": "limit of rounds"}.get(word, word)
        seen["runs"] += 1
        seen[what] += 1
        seen["converged, 1e-4 off"] += run.converged and case.exact and not off <= 1e-4
        seen["converged, 1e-6 off"] += run.converged and case.exact and not off <= 1e-6
        seen["floor of an exact method"] += what == "floor" and case.exact
        seen["floor, 1e-4 off"] += what == "floor" and case.exact and not off <= 1e-4
        seen["diverged, but better than at the start"] += what == "diverged" and off < 1
        if run.converged and case.exact and off <= 1e-4:
            rounds.append(run.rounds)
        if "-v" in sys.argv and ((run.converged and case.exact and not off <= 1e-6) or what in ("diverged", "floor")):
            print(
                i,
                type(case.method).__name__,
                type(case.problem.loss).__name__,
                f"off {off:.1e}",
                run.rounds,
                run.reason,
            )
    seen["median rounds where rightly converged"] = int(np.median(rounds)) if rounds else 0
    return seen


def main(count: int, seed: int = 0) -> None:
    draws = {
        "server": lambda rng: common(rng, SERVER, None),
        "peers": lambda rng: common(rng, PEERS, NETWORKS[rng.integers(len(NETWORKS))]),
        "prices": market,
    }
    found = {name: counted(draw, count // len(draws), seed) for name, draw in draws.items()}
    print("| | " + " | ".join(found) + " |\n|---" * 1 + "|" + "---:|" * len(found))
    rows = dict.fromkeys(key for seen in found.values() for key in seen)
    for key in rows:
        print(f"| {key} | " + " | ".join(f"{seen[key]:,}" for seen in found.values()) + " |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
