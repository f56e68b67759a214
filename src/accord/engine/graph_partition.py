"""The assignment of agents to workers: neighbours together, so that few messages cross from one worker to another."""

from __future__ import annotations

from typing import Any

import numpy as np

DENSE = 400
"""Agents up to which all eigenvectors of a Laplacian are cheaper than two of them."""


def graph_partition(network: Any, agents: int, parts: int) -> np.ndarray:
    """(K,) the worker of each agent: equally many a worker.

    In the order of their numbers or, if fewer links are cut so, by spectral bisection, again and again: the vector of
    Fiedler parts a graph where it is thin.

    >>> from accord import networks
    >>> graph_partition(None, 5, 2).tolist(), graph_partition(networks.ring(6), 6, 9).tolist()
    ([0, 0, 0, 1, 1], [0, 1, 2, 3, 4, 5])
    >>> shuffled = networks.ring(12).W[np.ix_(*[np.random.default_rng(0).permutation(12)] * 2)]
    >>> cut(networks.from_weights(shuffled), graph_partition(networks.from_weights(shuffled), 12, 3))
    3
    """
    parts = min(parts, agents)
    in_order = np.arange(agents) * parts // agents
    if network is None or parts in (1, agents):
        return in_order
    by_spectrum = np.zeros(agents, int)
    _bisect(_links(network), np.arange(agents), 0, parts, by_spectrum)
    return min(in_order, by_spectrum, key=lambda owners: cut(network, owners))


def cut(network: Any, owners: np.ndarray) -> int:
    """Count the undirected links that join agents of different workers."""
    links = _links(network).tocoo()
    return int((owners[links.row] != owners[links.col]).sum()) // 2


def _links(network: Any) -> Any:
    """The graph of all links, in either direction, in any network of a cycle."""
    from scipy.sparse import csr_array

    edges = [member.edges for member in getattr(network, "members", (network,))]
    ends = np.concatenate([np.stack([e.sources, e.targets]) for e in edges], 1)
    graph = csr_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(network.size, network.size))
    both = graph + graph.T
    both.data[:] = 1
    return both


def _bisect(graph: Any, ks: np.ndarray, first: int, parts: int, owners: np.ndarray) -> None:
    """Give agents `ks` to workers from `first` on."""
    if parts == 1:
        owners[ks] = first
        return
    left = parts // 2
    order = np.argsort(_fiedler(graph[ks][:, ks]), kind="stable")
    split = round(len(ks) * left / parts)
    _bisect(graph, np.sort(ks[order[:split]]), first, left, owners)
    _bisect(graph, np.sort(ks[order[split:]]), first + left, parts - left, owners)


def _fiedler(graph: Any) -> np.ndarray:
    """The eigenvector of the second smallest eigenvalue of the Laplacian."""
    from scipy.sparse.csgraph import laplacian
    from scipy.sparse.linalg import eigsh

    L: Any = laplacian(graph)
    if L.shape[0] <= DENSE:
        return np.linalg.eigh(L.toarray())[1][:, 1]
    start = np.random.default_rng(0).normal(size=L.shape[0])
    values, vectors = eigsh(L.tocsc(), k=2, sigma=-1e-3, which="LM", v0=start)  # shifted, so that L can be inverted
    return vectors[:, np.argsort(values)[1]]
