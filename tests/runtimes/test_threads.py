"""Workers in threads of one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # a process of its own

SOLVERS = """
import numpy as np
import accord

random = np.random.default_rng(0)
shards = [(random.normal(size=(100, 50)), random.normal(size=100)) for _ in range(8)]
problem, ring = accord.problems.least_squares(shards), accord.networks.ring(8).lose(0.2)
how = {"network": ring, "stop": accord.Stop(rounds=60, progress=0), "record": 20}
for method in (accord.EdgeADMM(), accord.AverageConsensus()):
    together = accord.run(problem, method, **how)
    apart = accord.run(problem, method, runtime=accord.runtimes.Threads(2), **how)
    print(np.abs(together.x - apart.x).max() <= 1e-12 * np.abs(apart.x).max())
"""


def test_threads_that_solve_linear_systems_at_a_time_do_not_wait_for_each_other() -> None:
    """In a process of its own, which can be ended: where they do, nothing in it goes on."""
    told = subprocess.run([sys.executable, "-c", SOLVERS], capture_output=True, text=True, timeout=100, check=True)
    assert told.stdout.split() == ["True"] * 2
