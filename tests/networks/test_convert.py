"""Networks from a networkx graph or from a matrix."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

import accord
from accord import networks
from accord.errors import NetworkError


def test_agents_are_numbered_in_the_order_of_the_nodes() -> None:
    graph = nx.Graph()
    graph.add_nodes_from(["Cleveland", "Budapest", "Zurich"])
    graph.add_edge("Zurich", "Budapest", weight=7.0)
    graph.add_edge("Cleveland", "Zurich")
    network = networks.from_networkx(graph)
    np.testing.assert_allclose(network.W, [[2 / 3, 0, 1 / 3], [0, 2 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3]])


def test_an_edge_u_to_v_says_that_v_hears_u() -> None:
    network = networks.from_networkx(nx.DiGraph([(0, 1), (1, 2), (2, 0), (0, 2)]))
    assert network.directed
    np.testing.assert_allclose(network.W, [[1 / 3, 0, 1 / 2], [1 / 3, 1 / 2, 0], [1 / 3, 1 / 2, 1 / 2]])
    assert set(network.graph.edges) == {(0, 1), (1, 2), (2, 0), (0, 2)}
    assert network.column_stochastic
    assert not network.row_stochastic


def test_a_digraph_with_every_way_back_is_undirected() -> None:
    network = networks.from_networkx(nx.DiGraph(nx.cycle_graph(5)))
    assert not network.directed
    assert (network.W == networks.ring(5).W).all()


def test_parallel_edges_and_self_loops_change_nothing() -> None:
    graph = nx.MultiGraph([(0, 1), (0, 1), (1, 2), (2, 0), (2, 2)])
    assert (networks.from_networkx(graph).W == networks.ring(3).W).all()


def test_weights_are_taken_from_edges_only_when_asked() -> None:
    graph = nx.Graph()
    graph.add_weighted_edges_from([(0, 1, 0.25), (1, 2, 0.5)], weight="trust")
    assert (networks.from_networkx(graph).W == networks.path(3).W).all()
    trusted = networks.from_networkx(graph, weight="trust")
    np.testing.assert_allclose(trusted.W, [[0.75, 0.25, 0], [0.25, 0.25, 0.5], [0, 0.5, 0.5]])
    graph.add_edge(2, 0)
    with pytest.raises(NetworkError, match="has no attribute 'trust'"):
        networks.from_networkx(graph, weight="trust")


def test_a_network_and_its_graph_are_the_same() -> None:
    network = networks.geometric(30, 0.4, seed=2)
    again = networks.from_networkx(network.graph, weight="weight")
    np.testing.assert_allclose(again.W, network.W, atol=1e-15)
    arrows = networks.from_networkx(nx.gnp_random_graph(12, 0.4, seed=1, directed=True)).pull()
    np.testing.assert_allclose(networks.from_networkx(arrows.graph, weight="weight").W, arrows.W, atol=1e-15)
    uneven = networks.path(4).pull()  # links both ways, whose weights differ
    np.testing.assert_allclose(networks.from_networkx(uneven.graph, weight="weight").W, uneven.W, atol=1e-15)


def test_edges_rebuild_the_matrix() -> None:
    network = networks.from_networkx(nx.gnp_random_graph(12, 0.4, seed=1, directed=True))
    W = np.diag(np.diag(network.W))
    W[network.edges.targets, network.edges.sources] = network.edges.weights
    assert (W == network.W).all()


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, csr_array, lambda W: W.astype(np.float32)])
def test_weights_come_in_any_form(form) -> None:
    W = np.array([[0.75, 0.25], [0.25, 0.75]])
    network = networks.from_weights(form(W))
    assert (network.W == W).all()
    assert network.W.dtype == np.float64


@pytest.mark.parametrize(
    ("W", "told"),
    [
        (np.ones((2, 3)) / 3, r"shape \(2, 3\)"),
        (np.ones(3), r"shape \(3,\)"),
        (np.zeros((0, 0)), r"shape \(0, 0\)"),
        ([[0.5, 0.5], [np.nan, 0.5]], r"w\[1, 0\], of agent 1 for agent 0, is not finite"),
        ([[0.5, np.inf], [0.5, 0.5]], r"w\[0, 1\]"),
        ([[1j, 0], [0, 1]], "complex128"),
        ([["a", "b"], ["c", "d"]], "holds <U1"),
    ],
)
def test_what_is_no_matrix_of_weights_is_refused(W, told: str) -> None:
    with pytest.raises(NetworkError, match=told):
        networks.from_weights(W)


def test_fault_12_wrong_sparsity() -> None:
    W = networks.complete(4).W
    with pytest.raises(NetworkError, match=r"2 links that the graph has not: w\[0, 2\] = 0.25.*metropolis\(graph\)"):
        networks.from_weights(W, nx.Graph([(0, 1), (1, 2), (2, 3), (3, 0), (1, 3)]))
    assert networks.from_weights(networks.ring(4).W, nx.cycle_graph(4)).links == 8
    with pytest.raises(NetworkError, match="W is for 4 agents, but the graph has 5 nodes"):
        networks.from_weights(W, nx.cycle_graph(5))


@pytest.mark.parametrize("graph", [nx.Graph(), nx.DiGraph()])
def test_a_graph_without_nodes_is_refused(graph: nx.Graph) -> None:
    with pytest.raises(NetworkError, match="number of nodes"):
        networks.from_networkx(graph)


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(NetworkError, match="takes a networkx Graph or DiGraph, but got ndarray"):
        networks.from_networkx(np.eye(3))  # pyright: ignore[reportArgumentType]


def test_neighbours_are_those_whom_an_agent_hears() -> None:
    network = networks.from_networkx(nx.DiGraph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 1)]))
    assert [network.neighbours(k).tolist() for k in range(4)] == [[2], [0, 3], [1], [2]]
    assert networks.star(5).neighbours(0).tolist() == [1, 2, 3, 4]


def test_numbered_nodes_are_the_agents_of_these_numbers() -> None:
    assert networks.from_networkx(nx.Graph([(3, 1), (1, 0), (0, 2)])).neighbours(0).tolist() == [1, 2]


def test_nodes_with_names_stand_where_the_problem_has_them() -> None:
    problem = accord.problems.quadratic([1.0] * 3, [0.0, 3.0, 9.0], names=["a", "b", "c"])
    network = networks.from_networkx(nx.Graph([("c", "a"), ("a", "b")]))  # a path with a in the middle
    ordered = network.of(problem.names)
    np.testing.assert_array_equal(ordered.W, networks.from_edges([(0, 1), (0, 2)]).W)
    assert ordered.lazy().agents == ordered.lose(0.1).agents == ("a", "b", "c")
    one = accord.run(problem, accord.DGD(step_size=0.1), network=network, stop=accord.Stop(rounds=3, progress=0))
    other = accord.run(problem, accord.DGD(step_size=0.1), network=ordered, stop=accord.Stop(rounds=3, progress=0))
    np.testing.assert_array_equal(one.agents, other.agents)
    with pytest.raises(NetworkError, match="'d' is none of them"):
        accord.run(problem, accord.DGD(), network=networks.from_edges([("a", "b"), ("b", "d")]))
    plain = accord.problems.quadratic([1.0] * 3, [0.0, 3.0, 9.0])
    assert network.of(plain.names) is network


def test_an_adjacency_matrix_an_edge_list_and_their_tables_are_one_network() -> None:
    edges = [("a", "b"), ("b", "c")]
    matrix = pd.DataFrame([[0, 1, 0], [1, 0, 1], [0, 1, 0]], list("abc"), list("abc"))
    found = [
        networks.from_edges(edges),
        networks.from_edges(pd.DataFrame(edges, columns=["from", "to"])),
        networks.from_adjacency(matrix),
        networks.from_adjacency(matrix[list("cab")]),
    ]
    for network in found:
        np.testing.assert_array_equal(network.W, networks.path(3).W)
        assert network.agents == ("a", "b", "c")
    assert networks.from_adjacency(matrix.to_numpy()).agents == ()
    assert networks.from_edges([(0, 1)], n=3).degrees.tolist() == [1, 1, 0]
    one_way = networks.from_adjacency([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert one_way.directed
    np.testing.assert_array_equal(one_way.W, networks.from_edges([(0, 1), (1, 2), (2, 0)], directed=True).W)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.from_adjacency([[0, 0.5], [0.5, 0]]), "it holds 0.5. Give weights of your own"),
        (
            lambda: networks.from_adjacency(pd.DataFrame([[0, 1], [1, 0]], list("ab"), list("ac"))),
            "rows are called a, b",
        ),
        (lambda: networks.from_edges([(0, 1, 2)]), r"An edge is a pair of agents, but \[0, 1, 2\] was given"),
        (lambda: networks.from_edges([(0, 3)], n=3), "3 agents, 0 to 2, but an edge names 3"),
        (lambda: networks.geometric([[0.0, np.nan]], 1.0), r"shape is \(1, 2\)"),
    ],
)
def test_what_is_no_network_is_refused(make: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        make()
