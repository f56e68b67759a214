"""A round on Ray: what it costs where there is nothing to do, and what a second shard gains where there is much.

Trivial: 8 agents with a quadratic of 10 numbers each, two shards; a server round is one question to each and its
answer, a round of peers is a word across the border. Work: the FedAvg task (100 clients of 200 rows, 784 features, 10
classes), five local epochs in batches of 20, on one shard and on two, each with a core of its own. Compilation and the
start of the processes are not counted.

    python benchmarks/cluster.py
"""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import Any

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # as the processes of others are

import fedavg
import numpy as np
import ray
from machine import side_by_side, table, write

import accord
from accord.runtimes import Ray


def per_round(rounds: int, shards: int, problem: accord.Problem, method: Any, **how: Any) -> float:
    """Seconds a round, of the later half of a run."""
    half = rounds // 2
    stop = accord.Stop(rounds=rounds, progress=0.0)
    run = accord.run(problem, method, runtime=Ray(shards), stop=stop, record=half, **how)
    taken = run.history["seconds"].to_numpy()  # of a record, when the rounds that follow it are done
    return float(taken[1] - taken[0]) / half


def trivial() -> dict[str, Any]:
    """Rounds without work."""
    r = np.random.default_rng(0)
    problem = accord.problems.quadratic(r.uniform(1, 2, (8, 10)), r.standard_normal((8, 10)))
    ring = accord.networks.ring(8)
    return {
        "server": partial(per_round, 1000, 2, problem, accord.FedSGD(1e-3)),
        "peers": partial(per_round, 1000, 2, problem, accord.GradientTracking(1e-3), network=ring),
    }


def laborious() -> dict[str, Any]:
    """Rounds of local training."""
    X, y = fedavg.task()
    problem = accord.problems.softmax([(X[k], y[k]) for k in range(len(X))], fedavg.CLASSES)
    method = accord.FedAvg(local=accord.SGD(epochs=5, batch_size=20, step_size=0.05))
    return {f"{shards} shard{'s' * (shards > 1)}": partial(per_round, 20, shards, problem, method) for shards in (2, 1)}


def main() -> None:
    """Measure, print, and write `results/cluster.json`."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    in_ms = lambda measured: {name: [1e3 * value for value in values] for name, values in measured.items()}  # noqa: E731
    figures = {
        "overhead": table("A round without work, two shards", "ms", in_ms(side_by_side(trivial(), 5)), "peers"),
        "work": table("A round of local training", "ms", in_ms(side_by_side(laborious(), 3)), "2 shards"),
    }
    print(f"\nwritten to {write('cluster', figures)}")
    ray.shutdown()


if __name__ == "__main__":
    main()
