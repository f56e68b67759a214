"""Newton's method and its kin beside first-order methods, until every model has eight digits: rounds, bytes, seconds.

The four hospitals of the study, and a logistic model of 26 decisions for ten agents of 500 unlike rows each. A method
is there when ‖x − x*‖ ≤ 1e-8 ‖x*‖, x the server's model or that of any peer. Peers are on a complete network. All step
sizes are chosen by the package. DANE is left out of the second, where its clients' own problems take minutes; and
Mudag, which needs a μ.
Milliseconds are of one public `run` over those rounds, compiled before.

    python benchmarks/second_order.py
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from arrival import until
from machine import seconds, write

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.cost import per_round
from accord.engine.planning.request import RunRequest
from accord.methods.traits import pattern_of
from accord.runtimes import Vectorised
from accord.studies import load

DIGITS, PATIENCE = 8, 6_000
LOCAL = accord.GradientDescent(steps=5)
METHODS = (
    accord.Newton(),
    accord.FedNL(),
    accord.GIANT(),
    accord.DANE(),
    accord.NewtonConsensus(),
    accord.FedSGD(),
    accord.SCAFFOLD(LOCAL),
    accord.Scaffnew(),
    accord.GradientTracking(),
    accord.NIDS(),
)


def generalised() -> accord.Problem:
    """A logistic model of 25 columns and an intercept; each agent's columns lean its own way."""
    random, agents, rows, d = np.random.default_rng(0), 10, 500, 25
    x, shards = random.normal(size=d) / 5, []
    for _ in range(agents):
        A = random.normal(size=(rows, d)) * random.uniform(0.5, 1.5, d) + 0.3 * random.normal(size=d)
        b = random.uniform(size=rows) < 1 / (1 + np.exp(1 - A @ x))
        shards.append((np.column_stack([A, np.ones(rows)]), b.astype(float)))
    return accord.problems.logistic(shards, l2=1e-3)


def row(problem: accord.Problem, method: Any, answer: np.ndarray) -> dict[str, Any]:
    """What one method took."""
    network = accord.networks.complete(problem.K) if pattern_of(method) == "peers" else None
    plan, _ = build_plan(RunRequest(problem=problem, method=method, network=network, stop=accord.Stop()))
    with jax.enable_x64(True):
        session = Vectorised(devices=1).start(plan)
        rounds, there = until(session.team, session.carry, jnp.asarray(answer), 10.0 ** (-2 * DIGITS), PATIENCE)
        cost = per_round(plan)
    found = {"method": type(method).__name__, "asks for": ", ".join(method.needs)}
    if not there:
        return found | {"rounds": None, "kilobytes": None, "milliseconds": None}
    stop = accord.Stop(rounds=int(rounds), progress=0)
    live = partial(accord.run, problem, method, network=network, stop=stop, record=int(rounds))
    live()
    spent = min(seconds(live) for _ in range(3))
    return found | {"rounds": int(rounds), "kilobytes": cost.bytes * int(rounds) / 1e3, "milliseconds": 1e3 * spent}


def main() -> None:
    """Measure, print, and write `results/second_order.json`."""
    rows = []
    for name, problem in {"hospitals": load("hospitals").problem, "logistic, d = 26": generalised()}.items():
        stop = accord.Stop(rounds=12, progress=0)
        answer = np.concatenate(
            [np.ravel(leaf) for leaf in jax.tree.leaves(accord.run(problem, accord.Newton(), stop=stop).x)]
        )
        for method in METHODS:
            if isinstance(method, accord.DANE) and name != "hospitals":
                continue
            rows.append({"problem": name} | row(problem, method, answer))
            print(*rows[-1].values(), sep="\t", flush=True)
    print(f"\nwritten to {write('second_order', {'digits': DIGITS, 'rows': rows})}")


if __name__ == "__main__":
    main()
