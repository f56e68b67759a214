"""The gradient-tracking task in decent-bench: prints seconds of 1000 rounds. Run by its own environment's Python."""

from __future__ import annotations

import sys
import time

import networkx as nx
import numpy as np
from decent_array import interoperability as arrays
from decent_bench.agents import Agent
from decent_bench.algorithms.p2p import ATC_Tracking
from decent_bench.costs import LinearRegressionCost
from decent_bench.networks import P2PNetwork

ROWS, FEATURES, ROUNDS = 100, 50, 1000


def main() -> None:
    agents = int(sys.argv[1])
    r = np.random.default_rng(0)
    A = r.standard_normal((agents, ROWS, FEATURES))
    x = r.standard_normal(FEATURES)
    b = A @ x + 0.1 * r.standard_normal((agents, ROWS))
    arrays.set_backend("numpy")
    wrap = arrays.from_numpy
    datasets = [[(wrap(A[k, i]), wrap(b[k, i : i + 1])) for i in range(ROWS)] for k in range(agents)]
    everyone = [Agent(LinearRegressionCost(data), state_snapshot_period=ROUNDS) for data in datasets]
    network = P2PNetwork(nx.cycle_graph(agents), everyone)
    algorithm = ATC_Tracking(step_size=1e-3)
    started = time.perf_counter()
    algorithm.run(network, ROUNDS)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
