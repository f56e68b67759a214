"""What a second core brings to clients one after another, and why a second device is not for agents all at once.

XLA runs a loop over clients on about one core a device, so that a device a core divides a cohort over the cores: the
first table, whole calls counted, each way in turn in a process of its own; on one core there is one device. Where all
agents work at once, XLA itself divides each operation over the cores of one device: the second table tells how many
cores it kept busy.

    python benchmarks/devices.py [--rounds 200]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from typing import Any

import numpy as np
from fedavg import CLASSES, CLIENTS, task
from machine import seconds, side_by_side, table, write

import accord


def cores(work: Any) -> float:
    """How many cores a call keeps busy: processor time over time by the wall, of at least a second of calls."""
    work()
    began, busy = time.perf_counter(), time.process_time()
    while time.perf_counter() < began + 1:
        work()
    return (time.process_time() - busy) / (time.perf_counter() - began)


def cohort(devices: int, rounds: int) -> float:
    """Seconds of FedAvg on 100 clients, all of them a round; the first run compiles, and does not count."""
    X, y = task()
    problem = accord.problems.softmax([(X[k], y[k]) for k in range(CLIENTS)], CLASSES)
    method = accord.FedAvg(accord.SGD(epochs=1, batch_size=20, step_size=0.05, shuffle=False))
    how = {"stop": accord.Stop(rounds=rounds, progress=0.0), "runtime": accord.runtimes.Vectorised(devices=devices)}
    work = partial(accord.run, problem, method, **how)
    work()
    return seconds(work)


def apart(cores: int, devices: int, rounds: int) -> float:
    """The same in a process of its own, on so many cores."""
    asked = ["--cores", cores, "--devices", devices, "--rounds", rounds]
    command = [sys.executable, __file__, *map(str, asked)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def at_once(rounds: int) -> dict[str, float]:
    """Cores kept busy by agents that work all at once on one device."""
    r, found = np.random.default_rng(0), {}
    for K, n, d in ((100, 200, 100), (100, 200, 784), (1000, 100, 100)):
        shards = [(r.standard_normal((n, d), np.float32), r.standard_normal(n, np.float32)) for _ in range(K)]
        problem, stop = accord.problems.least_squares(shards), accord.Stop(rounds=rounds, progress=0.0)
        ways = {
            "GradientTracking": (accord.GradientTracking(1e-3), {"network": accord.networks.exponential(K)}),
            "FedSGD": (accord.FedSGD(1e-3), {}),
        }
        for name, (method, how) in ways.items():
            task = f"{name}, {K} agents of {n} x {d}"
            found[task] = cores(
                lambda problem=problem, method=method, how=how, stop=stop: accord.run(problem, method, stop=stop, **how)
            )
            print(f"{task:44}{found[task]:8.2f}")
    return found


def main() -> None:
    """Measure, print, and write `results/devices.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=200)
    arguments.add_argument("--devices", type=int, help="measure the cohort in this process, and print seconds")
    arguments.add_argument("--cores", type=int, default=2)
    given = arguments.parse_args()
    if given.devices is not None:
        os.sched_setaffinity(0, range(given.cores))
        print(cohort(given.devices, given.rounds))
        return
    ways = {"1 core": (1, 1), "2 cores, 1 device": (2, 1), "2 cores, 2 devices": (2, 2)}
    works = {name: partial(apart, *way, given.rounds) for name, way in ways.items()}
    divided = table("FedAvg, clients one after another", "s", side_by_side(works, repeats=3), "2 cores, 2 devices")
    print("\nAgents all at once on one device                [cores kept busy]")
    print(f"\nwritten to {write('devices', {'cohort': divided, 'at_once': at_once(given.rounds)})}")


if __name__ == "__main__":
    main()
