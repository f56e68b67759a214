"""Networks from what the user has: a networkx graph, an adjacency matrix, pairs of agents, or a mixing matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.core.kinds import known_keywords, printable
from accord.errors import NetworkError
from accord.networks import weights
from accord.networks.graphs import count
from accord.networks.network import Network
from accord.networks.spectrum import Sparse

if TYPE_CHECKING:
    import networkx as nx
    from numpy.typing import ArrayLike


@known_keywords
def from_networkx(graph: nx.Graph, weight: str | None = None) -> Network:
    """Any networkx graph; an edge u → v of a DiGraph means that v receives from u.

    Nodes 0, 1, ... are the agents of these numbers. Any others are names, in the order in which the graph has them:
    `run` matches them to what the problem calls its agents.

    An undirected graph gets Metropolis weights, a directed one `push()` weights, for push-sum. `weight` names an edge
    attribute to take w_kj from instead; each agent keeps for itself what is left to one. Self-loops change nothing.

    >>> import networkx as nx
    >>> from_networkx(nx.petersen_graph()).links
    30
    >>> from_networkx(nx.Graph([(3, 1), (1, 0), (0, 2)])).neighbours(0)
    array([1, 2])
    """
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise NetworkError(f"from_networkx takes a networkx Graph or DiGraph, but got {type(graph).__name__}.")
    size = count(graph.number_of_nodes(), "from_networkx(graph), by its number of nodes,")
    name = graph.name or f"{type(graph).__name__}({size})"
    nodes, agents = _ordered(list(graph.nodes))
    if weight is not None:
        return _weighted(name, graph, weight, nodes, agents)
    adjacency = nx.to_scipy_sparse_array(graph, nodes, weight=None, format="coo")  # pyright: ignore[reportArgumentType]
    return linked(name, size, adjacency.row, adjacency.col, agents)


@known_keywords
def from_adjacency(matrix: Any) -> Network:
    """A matrix of zeros and ones (K, K), or a DataFrame of them by names: a one in row u, column v: v receives from u.

    A symmetric one gets Metropolis weights, any other `push()` weights, for push-sum. The diagonal changes nothing.
    Weights of your own belong into `from_weights`.

    >>> from_adjacency([[0, 1, 0], [1, 0, 1], [0, 1, 0]]).degrees
    array([1, 2, 1])
    """
    from scipy.sparse import coo_array

    values, agents = _by_name(matrix, "from_adjacency(matrix)")
    links: Any = coo_array(weights.stored(values))
    if odd := sorted(set(links.data.tolist()) - {0.0, 1.0}):
        raise NetworkError(
            f"An adjacency matrix says by 1 who hears whom and by 0 who does not, but it holds "
            f"{odd[0]:g}. Give weights of your own to networks.from_weights(W)."
        )
    there = links.data != 0
    size = count(links.shape[0], "from_adjacency(matrix), by its rows,")
    return linked(f"from_adjacency({size})", size, links.row[there], links.col[there], agents)


@known_keywords
def from_edges(edges: Any, n: int | None = None, *, directed: bool = False) -> Network:
    """Pairs of agents that are linked, by number or name: a list, an array, or a table's first two columns.

    - `n`: how many agents there are, where they have numbers and the last of them are in no pair.
    - `directed`: a pair (u, v) means only that v receives from u.

    >>> network = from_edges([("Bonn", "Kiel"), ("Kiel", "Ulm")])
    >>> network.size, network.links, round(network.sigma, 6)
    (3, 4, 0.666667)
    """
    import networkx as nx

    rows = edges.iloc[:, :2].to_numpy().tolist() if hasattr(edges, "iloc") else np.asarray(edges, object).tolist()
    if odd := [pair for pair in rows if not isinstance(pair, list) or len(pair) != 2]:
        raise NetworkError(f"An edge is a pair of agents, but {odd[0]!r} was given. Give weights to from_weights(W).")
    numbered = all(isinstance(end, int | np.integer) for pair in rows for end in pair)
    graph = nx.DiGraph() if directed else nx.Graph()
    if n is not None:
        graph.add_nodes_from(range(count(n, "from_edges(edges, n)")))
    elif numbered:
        graph.add_nodes_from(range(1 + max((end for pair in rows for end in pair), default=-1)))
    given = graph.number_of_nodes()
    graph.add_edges_from(map(tuple, rows))
    if (n is not None or numbered) and (not numbered or graph.number_of_nodes() > given):
        strange = next(end for pair in rows for end in pair if not (numbered and 0 <= end < given))
        raise NetworkError(
            f"from_edges has {given} agents, 0 to {given - 1}, but an edge names {strange!r}. "
            "Leave n out where agents have names."
        )
    network = from_networkx(graph)
    return replace(network, name=f"from_edges({network.size})")


@known_keywords
def metropolis(graph: nx.Graph) -> Network:
    """Metropolis weights on an undirected networkx graph: symmetric and doubly stochastic, whatever the degrees.

    >>> import networkx as nx
    >>> metropolis(nx.star_graph(4)).doubly_stochastic
    True
    """
    network = from_networkx(graph)
    return replace(network, W=network.metropolis().W)


@known_keywords
def from_weights(W: ArrayLike | Sparse, graph: nx.Graph | None = None, *, signed: bool = False) -> Network:
    """Your own mixing matrix W (K, K), or a DataFrame by names: w_kj is what agent k gives to what it receives from j.

    With a `graph`, W is refused where it mixes over a link that the graph has not. `signed=True` states that negative
    weights are meant. What W's rows and columns must sum to depends on the method, and is checked at the door of `run`.

    >>> from_weights([[0.75, 0.25], [0.25, 0.75]]).sigma
    0.5
    """
    values, agents = _by_name(W, "from_weights(W)")
    matrix = weights.stored(values)
    network = Network("from_weights({} x {})".format(*matrix.shape), matrix, signed, agents=agents)
    if graph is not None:
        allowed = from_networkx(graph)
        _refuse_other_links(network, allowed.of(agents) if agents else allowed)
    return network


def linked(name: str, size: int, sources: Any, targets: Any, agents: tuple[str, ...] = ()) -> Network:
    """Metropolis weights where every link has a way back, `push()` weights elsewhere; links to oneself do not count."""
    ends = weights.one_way(size, sources.astype(np.int64), targets.astype(np.int64))
    pattern = Network(name, weights.pull(size, *ends))
    rule = weights.push if pattern.directed else weights.metropolis
    return Network(name, rule(size, pattern.edges.sources, pattern.edges.targets), agents=agents)


def _ordered(nodes: list[Any]) -> tuple[list[Any], tuple[str, ...]]:
    """Nodes as agents stand, and their names: by number where they are 0, 1, ..., without names then."""
    if all(isinstance(node, int | np.integer) for node in nodes) and set(nodes) == set(range(len(nodes))):
        return sorted(nodes), ()
    names = tuple(printable(str(node)) for node in nodes)
    if len(set(names)) < len(names):
        raise NetworkError("Two nodes of the graph are written alike. Give every node a name of its own.")
    return nodes, names


def _by_name(matrix: Any, where: str) -> tuple[Any, tuple[str, ...]]:
    """A matrix, and the names of its rows where it is a DataFrame; its columns are put in their order."""
    if not hasattr(matrix, "iloc"):
        return matrix, ()
    rows, columns = ([printable(str(name)) for name in axis] for axis in (matrix.index, matrix.columns))
    if sorted(rows) != sorted(columns) or len(set(rows)) < len(rows):
        raise NetworkError(
            f"In {where}, rows are called {', '.join(rows[:4])}, ... and columns "
            f"{', '.join(columns[:4])}, .... Give both the same names, each once."
        )
    values = matrix.to_numpy()[:, [columns.index(name) for name in rows]]
    return values, tuple(rows) if rows != list(map(str, range(len(rows)))) else ()


def _weighted(name: str, graph: nx.Graph, weight: str, nodes: list[Any], agents: tuple[str, ...]) -> Network:
    """w_kj from an edge attribute, and on the diagonal what is left to one in each row."""
    import networkx as nx

    bare = next(((u, v) for u, v, value in graph.edges(data=weight) if value is None), None)
    if bare is not None:
        raise NetworkError(
            f"Edge {bare[0]!r} - {bare[1]!r} has no attribute {weight!r}. Give every edge one, or weight=None."
        )
    given = nx.to_scipy_sparse_array(graph, nodes, weight=weight, dtype=np.float64, format="coo")
    others = given.row != given.col
    W = weights.left_over_to_self(given.shape[0], given.row[others], given.col[others], given.data[others])
    return Network(name, W, agents=agents)


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
