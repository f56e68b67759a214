"""Gradient tracking in lockstep by 8 processes, one an agent, beside DISROPT's 8 ranks on the same task.

Least squares, 100 rows of 50 features an agent, float64, a ring with weights 1/3, 1000 rounds. Both count the rounds
alone, once everybody stands ready: of Accord those after the first tenth, by when all is compiled, with its records and
stop test on; of DISROPT `algorithm.run`, whose agents are given the gradient as one product with a 50×50 matrix.

    python benchmarks/lockstep.py [--disropt /path/to/its/python]
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # as the processes of others are

import ray
from gradient_tracking import ring, task
from machine import side_by_side, table, write

import accord
from accord.runtimes import Ray

AGENTS, ROUNDS, STEP = 8, 1000, 0.05


def accords(problem: accord.Problem) -> float:
    """Seconds of 1000 rounds, from those of the last nine tenths."""
    stop = accord.Stop(rounds=ROUNDS, progress=0.0)
    run = accord.run(problem, accord.GradientTracking(STEP), network=ring(AGENTS), runtime=Ray(AGENTS), stop=stop)
    rounds, taken = run.history["round"].to_numpy(), run.history["seconds"].to_numpy()
    first = int((rounds >= ROUNDS // 10).argmax())  # seconds are those when the rounds after a record are done
    return float((taken[-2] - taken[first]) / (rounds[-2] - rounds[first]) * ROUNDS)


def disropts(python: str) -> float:
    """Seconds of 1000 rounds, run by the Python and the mpiexec of its own environment."""
    program = Path(__file__).parent / "peers" / "disropt_tracking.py"
    command = [str(Path(python).parent / "mpiexec"), "-n", str(AGENTS), python, str(program), str(STEP)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    """Measure, print, and write `results/lockstep.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--disropt", help="the Python of an environment with disropt, mpi4py and mpich")
    given = arguments.parse_args()
    A, b = task(AGENTS)
    problem = accord.problems.least_squares([(A[k], b[k]) for k in range(AGENTS)])
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    works = {"accord": partial(accords, problem)}
    if given.disropt:
        works["disropt"] = partial(disropts, given.disropt)
    measured = {name: [1e3 * value for value in values] for name, values in side_by_side(works, 3).items()}
    figures = {"agents_8": table("Gradient tracking, 8 processes", "ms for 1000 rounds", measured, "accord")}
    print(f"\nwritten to {write('lockstep', figures)}")
    ray.shutdown()


if __name__ == "__main__":
    main()
