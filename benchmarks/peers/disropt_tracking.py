"""The gradient-tracking task in DISROPT, a rank an agent: prints seconds of 1000 rounds. Run under its own mpiexec."""

from __future__ import annotations

import sys
import time

import numpy as np
from disropt.agents import Agent
from disropt.algorithms import GradientTracking
from disropt.functions import QuadraticForm, Variable
from disropt.problems import Problem
from mpi4py import MPI

ROWS, FEATURES, ROUNDS = 100, 50, 1000


def main() -> None:
    ranks, rank = MPI.COMM_WORLD.Get_size(), MPI.COMM_WORLD.Get_rank()
    r = np.random.default_rng(0)
    A = r.standard_normal((ranks, ROWS, FEATURES))
    truth = r.standard_normal(FEATURES)
    b = A @ truth + 0.1 * r.standard_normal((ranks, ROWS))
    H, q = A[rank].T @ A[rank] / ROWS, -A[rank].T @ b[rank] / ROWS  # the least work that a gradient can be
    neighbours = sorted({(rank - 1) % ranks, (rank + 1) % ranks})
    weights = [1 / 3 if k in (*neighbours, rank) else 0.0 for k in range(ranks)]
    agent = Agent(in_neighbors=neighbours, out_neighbors=neighbours, in_weights=weights)
    agent.set_problem(Problem(QuadraticForm(Variable(FEATURES), H / 2, q.reshape(-1, 1), np.zeros((1, 1)))))
    algorithm = GradientTracking(agent=agent, initial_condition=np.zeros((FEATURES, 1)), enable_log=False)
    MPI.COMM_WORLD.Barrier()
    started = time.perf_counter()
    algorithm.run(iterations=ROUNDS, stepsize=float(sys.argv[1]))
    MPI.COMM_WORLD.Barrier()
    if rank == 0:
        apart = np.linalg.norm(algorithm.x.ravel() - truth)
        print(f"distance {apart:.3g}", time.perf_counter() - started)


if __name__ == "__main__":
    main()
