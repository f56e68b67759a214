"""Graphs drawn at random, with Metropolis weights. A draw may come out disconnected; `run` checks that."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from accord.core.kinds import known_keywords
from accord.errors import NetworkError
from accord.networks.graphs import count, undirected
from accord.networks.network import Network


@known_keywords
def erdos_renyi(n: int, p: float, seed: int = 0) -> Network:
    """Link each pair of n agents with probability p; connected with high probability from p = 1.1 log(n)/n on.

    Source: Batagelj & Brandes, "Efficient generation of large random networks", Physical Review E 71 (2005): the gaps
    between links are geometric, so that the work is in the number of links.

    >>> erdos_renyi(30, 0.3, seed=1).size
    30
    """
    count(n, "erdos_renyi(n, p, seed)")
    if not 0 <= p <= 1:
        raise NetworkError(f"In erdos_renyi(n, p, seed), p is the probability of a link, but p = {p}. Use 0 to 1.")
    pairs = n * (n - 1) // 2
    first, second = _pair(_chosen(pairs, p, _generator(seed)))
    return undirected(f"erdos_renyi({n}, p={p}, seed={seed})", n, first, second)


@known_keywords
def geometric(n: int | ArrayLike, radius: float, seed: int = 0) -> Network:
    """Agents that are linked where they are at most `radius` apart, as radios do.

    - `n`: so many at random in the unit square; or where they are, (K, dimensions), in the unit of `radius`.

    >>> geometric(50, 0.3, seed=1).size
    50
    >>> geometric([[0.0, 0.0], [0.0, 4.0], [3.0, 0.0]], radius=4.5).degrees
    array([2, 1, 1])
    """
    from scipy.spatial import KDTree

    if not 0 < radius < math.inf:
        raise NetworkError(f"In geometric(n, radius, seed), the radius is a positive number, but it is {radius}.")
    if np.ndim(n) == 0:
        places = _generator(seed).random((count(n, "geometric(n, radius, seed)"), 2))  # pyright: ignore[reportArgumentType]
        name = f"geometric({n}, radius={radius}, seed={seed})"
    else:
        places = np.asarray(n, float)
        name = f"geometric({len(places)} positions, radius={radius})"
    if places.ndim != 2 or not places.size or not np.isfinite(places).all():
        raise NetworkError(
            f"In geometric(positions, radius), positions are finite numbers of the shape (agents, "
            f"dimensions), but the shape is {places.shape}. Give where every agent is."
        )
    pairs = KDTree(places).query_pairs(radius, output_type="ndarray")
    return undirected(name, len(places), pairs[:, 0], pairs[:, 1])


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(count(seed, "A seed", least=0))


def _chosen(trials: int, p: float, generator: np.random.Generator) -> np.ndarray:
    """Draw which of so many independent trials of probability p succeed."""
    if p == 0 or trials == 0:
        return np.zeros(0, np.int64)
    batch = int(trials * p + 4 * math.sqrt(trials * p)) + 16  # nearly always enough at once
    successes, last = [], -1
    while last < trials:
        gaps = np.minimum(generator.geometric(p, batch), trials + 1)  # a gap beyond the end need not overflow
        successes.append(last + np.cumsum(gaps))
        last = int(successes[-1][-1])
    chosen = np.concatenate(successes)
    return chosen[chosen < trials]


def _pair(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The index-th pair first < second, in the order (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    second = ((1 + np.sqrt(1 + 8 * index)) / 2).astype(np.int64)  # exact in float64 up to 50 million agents
    return index - second * (second - 1) // 2, second
