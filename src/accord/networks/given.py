"""Networks from what the user has: a networkx graph, or a mixing matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from accord.errors import NetworkError
from accord.kinds import known_keywords
from accord.networks import weights
from accord.networks.graphs import count
from accord.networks.network import Network
from accord.networks.spectrum import Sparse

if TYPE_CHECKING:
    import networkx as nx
    from numpy.typing import ArrayLike


@known_keywords
def from_networkx(graph: nx.Graph, weight: str | None = None) -> Network:
    """Any networkx graph; agent k is its k-th node, and an edge u → v of a DiGraph says that v hears u.

    An undirected graph gets Metropolis weights, a directed one `push()` weights, for push-sum. `weight` names an edge
    attribute to take w_kj from instead; each agent keeps for itself what is left to one. Self-loops change nothing.

    >>> import networkx as nx
    >>> from_networkx(nx.petersen_graph()).links
    30
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise NetworkError(f"from_networkx takes a networkx Graph or DiGraph, but got {type(graph).__name__}.")
    size = count(graph.number_of_nodes(), "from_networkx(graph), by its number of nodes,")
    name = graph.name or f"{type(graph).__name__}({size})"
    if weight is not None:
        return _weighted(name, graph, weight)
    pattern = Network(name, weights.pull(size, *weights.one_way(size, *_directed_links(graph))))
    rule = weights.push if pattern.directed else weights.metropolis
    return Network(name, rule(size, pattern.edges.sources, pattern.edges.targets))


@known_keywords
def metropolis(graph: nx.Graph) -> Network:
    """Metropolis weights on an undirected networkx graph: symmetric and doubly stochastic, whatever the degrees.

    >>> import networkx as nx
    >>> metropolis(nx.star_graph(4)).doubly_stochastic
    True
    """
    network = from_networkx(graph)
    return Network(network.name, network.metropolis().W)


@known_keywords
def from_weights(W: ArrayLike | Sparse, graph: nx.Graph | None = None, *, signed: bool = False) -> Network:
    """Your own mixing matrix W (K, K): w_kj is what agent k gives to what it hears from j.

    With a `graph`, W is refused where it mixes over a link that the graph has not. `signed=True` says that negative
    weights are meant. What W's rows and columns must sum to depends on the method, and is checked at the door of `run`.

    >>> from_weights([[0.75, 0.25], [0.25, 0.75]]).sigma
    0.5
    """
    matrix = weights.stored(W)
    network = Network("from_weights({} x {})".format(*matrix.shape), matrix, signed)
    if graph is not None:
        _refuse_other_links(network, from_networkx(graph))
    return network


def _directed_links(graph: nx.Graph) -> tuple[np.ndarray, np.ndarray]:
    """Sources and targets of a networkx graph, by the numbers of its nodes; both ways round where it is undirected."""
    import networkx as nx

    adjacency = nx.to_scipy_sparse_array(graph, weight=None, format="coo")  # pyright: ignore[reportArgumentType]
    return adjacency.row.astype(np.int64), adjacency.col.astype(np.int64)


def _weighted(name: str, graph: nx.Graph, weight: str) -> Network:
    """w_kj from an edge attribute, and on the diagonal what is left to one in each row."""
    import networkx as nx

    bare = next(((u, v) for u, v, value in graph.edges(data=weight) if value is None), None)
    if bare is not None:
        raise NetworkError(
            f"Edge {bare[0]!r} - {bare[1]!r} has no attribute {weight!r}. Give every edge one, or weight=None."
        )
    given = nx.to_scipy_sparse_array(graph, weight=weight, dtype=np.float64, format="coo")
    others = given.row != given.col
    return Network(
        name, weights.left_over_to_self(given.shape[0], given.row[others], given.col[others], given.data[others])
    )


def _refuse_other_links(network: Network, allowed: Network) -> None:
    if network.size != allowed.size:
        raise NetworkError(
            f"W is for {network.size} agents, but the graph has {allowed.size} nodes. Give a row a node."
        )
    size, (sources, targets, given) = network.size, network.edges
    other = ~np.isin(targets * size + sources, allowed.edges.targets * size + allowed.edges.sources)
    if other.any():
        link = np.flatnonzero(other)[0]
        raise NetworkError(
            f"W mixes over {other.sum()} links that the graph has not: w[{targets[link]}, {sources[link]}] = "
            f"{given[link]:.6g}, but agent {targets[link]} does not hear agent {sources[link]}. "
            f"Use networks.metropolis(graph)."
        )
