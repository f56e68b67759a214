"""One round of mixing by a matrix and by lists of neighbours: where they meet, and what a hundred thousand peers cost.

Two tables. The first finds how many entries of a matrix cost as much as one neighbour read from a list (the constant
`CROWDED` of `networks/mixing.py`), on graphs drawn at random with d numbers an agent in float32. The second is 100 000
peers on a ring, a torus and a random geometric graph through the public `run`: seconds a round of gradient tracking,
seconds until its eigenvalues are known, and the entries that mixing keeps for each link and agent.

    python benchmarks/mixing.py
"""

from __future__ import annotations

import resource
from functools import partial
from typing import Any

import jax
import numpy as np
from machine import seconds, write

import accord
from accord.networks.faults import mixer
from accord.networks.mixing import Weights, mix, mixing_weights

PEERS = 100_000


def rounds_of_mixing(weights: Weights, x: np.ndarray, rounds: int) -> Any:
    """`rounds` rounds in one compiled program."""

    @jax.jit
    def mixing(weights: Weights, x: Any) -> Any:
        return jax.lax.fori_loop(0, rounds, lambda _, x: mix(weights, x, x, x), x)

    return partial(lambda *arrays: mixing(*arrays).block_until_ready(), *jax.device_put((weights, x)))


def microseconds(weights: Weights, x: np.ndarray) -> float:
    """The least of several, a round."""
    rounds = 200
    work = rounds_of_mixing(weights, x, rounds)
    work()
    return 1e6 * min(seconds(work) for _ in range(5)) / rounds


def crossover() -> list[dict[str, float]]:
    """A matrix beside lists, for several sizes and degrees; and what one neighbour costs in entries of the matrix."""
    r, rows = np.random.default_rng(0), []
    print(f"{'K':>6}{'d':>6}{'neighbours':>12}{'matrix':>12}{'lists':>12}{'a neighbour':>14}   [us a round; entries]")
    for K, d in ((256, 10), (256, 100), (1024, 10), (1024, 100), (2048, 10)):
        x = r.standard_normal((K, d)).astype(np.float32)
        for neighbours in (4, 16, 64):
            W = accord.networks.erdos_renyi(K, neighbours / K, seed=1).W
            matrix, lists = (microseconds(mixing_weights(W, np.float32, dense=dense), x) for dense in (True, False))
            entries = (lists / neighbours) / (matrix / K)
            rows.append(
                {"K": K, "d": d, "neighbours": neighbours, "matrix": matrix, "lists": lists, "entries": entries}
            )
            print(f"{K:6}{d:6}{neighbours:12}{matrix:12.1f}{lists:12.1f}{entries:14.1f}")
    return rows


def many_peers() -> dict[str, dict[str, float]]:
    """100 000 peers on three graphs: milliseconds a round, seconds for the eigenvalues, entries a link and agent."""
    r, found = np.random.default_rng(0), {}
    problem = accord.problems.quadratic(np.ones((PEERS, 10), np.float32), r.standard_normal((PEERS, 10), np.float32))
    graphs = [accord.networks.ring(PEERS), accord.networks.torus(250, 400), accord.networks.geometric(PEERS, 0.0075)]
    print(f"\n{'':42}{'links':>10}{'ms a round':>12}{'eigenvalues':>13}{'entries':>9}   [ms; s; a link and agent]")
    for network in graphs:
        stop = accord.Stop(rounds=60, progress=0.0)
        run = accord.run(problem, accord.GradientTracking(step_size=0.05), network=network, stop=stop, record=10)
        seconds_at = run.history.set_index("round")["seconds"]
        ms = 1e3 * (seconds_at[60] - seconds_at[10]) / 50  # what was compiled is behind
        eigenvalues = seconds(lambda network=network: network.spectrum)
        kept = sum(leaf.size for leaf in jax.tree.leaves(mixer(network, ("symmetric",), np.dtype("float32")).flows))
        entries = kept / (network.links + network.size)
        found[network.name] = {"links": network.links, "ms": ms, "eigenvalues": eigenvalues, "entries": entries}
        print(f"{network.name:42}{network.links:10}{ms:12.2f}{eigenvalues:13.3f}{entries:9.2f}")
    return found


def main() -> None:
    """Measure, print, and write `results/mixing.json`."""
    figures = {"crossover": crossover(), "a_hundred_thousand_peers": many_peers()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\nat most {peak:.2f} GB of memory\nwritten to {write('mixing', {**figures, 'peak_gb': peak})}")


if __name__ == "__main__":
    main()
