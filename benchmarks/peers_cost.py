"""What a round of every method among 100 peers costs, against gradient tracking, per gradient and exchange.

Least squares, 100 rows of 50 features an agent, float64, a ring. A round of gradient tracking has one gradient and one
exchange; a method's has as many units as gradients or exchanges, whichever are more. Methods that ask for a solution
of their own problem (a proximal point, a dual gradient) solve a linear system of 50 a round: they are told apart.
Each method runs in turn with gradient tracking, so that a machine that slows down slows both.

    OMP_NUM_THREADS=1 python benchmarks/peers_cost.py [--rounds 200] [--repeats 5] [--methods EXTRA NIDS]
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any, NamedTuple

import jax
import numpy as np
from machine import side_by_side, write

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.cost import per_round
from accord.engine.planning.request import RunRequest
from accord.engine.planning.tuning import tune
from accord.methods import METHODS, pattern_of
from accord.methods.traits import is_coupled, phases_of

AGENTS, ROWS, FEATURES = 100, 100, 50
LIMIT = 2.0


class Row(NamedTuple):
    """One method: what a round has, and what it takes."""

    method: str
    gradients: float
    exchanges: int
    milliseconds: float  # a round, the median
    ratio: float  # to a round of gradient tracking, for each unit; the median of the turns
    oracle: str


def problem() -> accord.Problem:
    random = np.random.default_rng(0)
    shards = [(random.normal(size=(ROWS, FEATURES)), random.normal(size=ROWS)) for _ in range(AGENTS)]
    return accord.problems.least_squares(shards, l2=1.0)


def entrants(wanted: list[str] | None) -> list[tuple[str, Any]]:
    """Every method among peers that keeps step, but those on shared constraints."""
    methods = [(kind.__name__, kind()) for kind in METHODS]
    return [
        (name, method)
        for name, method in methods
        if pattern_of(method) == "peers"
        and not is_coupled(method)
        and not method.asynchronous
        and (wanted is None or name in wanted)
    ]


def measured(name: str, method: Any, rounds: int, repeats: int) -> Row:
    """Seconds a round by the run's own history; the first run of each compiles, and does not count."""
    solved, ring = problem(), accord.networks.ring(AGENTS)
    how = {"network": ring, "stop": accord.Stop(rounds=rounds, progress=0), "record": rounds}

    def run(one: Any) -> float:
        return 1e3 * accord.run(solved, one, **how).history["seconds"].iloc[-1] / rounds

    turns = side_by_side({"yardstick": lambda: run(accord.GradientTracking()), name: lambda: run(method)}, repeats)
    with jax.enable_x64(True):
        cost = per_round(build_plan(RunRequest(problem=solved, method=method, network=ring, record=rounds))[0])
    exchanges = len(phases_of(tune(method, solved, ring)[0]))
    units = max(cost.gradients, exchanges)
    ratio = statistics.median(a / b for a, b in zip(turns[name], turns["yardstick"], strict=True)) / units
    oracle = ", ".join(need for need in method.needs if need in ("prox", "conjugate_grad")) or "grad"
    return Row(name, cost.gradients, exchanges, statistics.median(turns[name]), ratio, oracle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--methods", nargs="+")
    asked = parser.parse_args()
    print(f"{'method':30}{'gradients':>10}{'exchanges':>11}{'ms a round':>12}{'× tracking':>12}  oracle")
    rows = []
    for name, method in entrants(asked.methods):
        row = measured(name, method, asked.rounds, asked.repeats)
        late = "  over the limit" if row.ratio > LIMIT and row.oracle == "grad" else ""
        print(
            f"{row.method:30}{row.gradients:10.2f}{row.exchanges:11d}{row.milliseconds:12.3f}{row.ratio:12.2f}  "
            f"{row.oracle}{late}",
            flush=True,
        )
        rows.append(row._asdict())
    if asked.methods is None:
        write("peers_cost", {"limit": LIMIT, "rounds": asked.rounds, "rows": rows})


if __name__ == "__main__":
    main()
