"""Networks of agents that move: which are near enough to be linked changes from round to round."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from accord.core.kinds import known_keywords
from accord.errors import NetworkError
from accord.networks.graphs import undirected
from accord.networks.time_varying import NetworkSequence, sequence


@known_keywords
def moving(positions: ArrayLike, radius: float) -> NetworkSequence:
    """Agents at positions[t mod T] in round t, each linked to those at most `radius` away; Metropolis weights.

    - `positions`: (T, K, dimensions), a round each, gone through over and over; `radius`: in the same unit.

    Raises `NetworkError` where they are no such array of finite numbers, and where agents stay apart in all T rounds
    together; in any one round they may.

    >>> network = moving([[[0.0], [1.0], [5.0]], [[0.0], [3.0], [4.0]]], radius=1.5)  # the middle one goes to and fro
    >>> [network.at(t).degrees.tolist() for t in (0, 1)]
    [[1, 1, 0], [0, 1, 1]]
    """
    from scipy.spatial import KDTree

    places = np.asarray(positions, float)
    if places.ndim != 3 or not places.size or not np.isfinite(places).all():
        raise NetworkError(
            f"In moving(positions, radius), positions are finite numbers of the shape (rounds, agents, dimensions), "
            f"but the shape is {places.shape}. Give where every agent is in every round."
        )
    if not 0 < radius < math.inf:
        raise NetworkError(f"In moving(positions, radius), the radius is a positive number, but it is {radius}.")
    K = places.shape[1]
    pairs = (KDTree(now).query_pairs(radius, output_type="ndarray") for now in places)
    return sequence(
        [
            undirected(f"moving({K}, radius={radius:g}) in round {t}", K, near[:, 0], near[:, 1])
            for t, near in enumerate(pairs)
        ]
    )
