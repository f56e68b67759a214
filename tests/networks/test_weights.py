"""Mixing weights: what they sum to, how fast they mix, and that numbering agents otherwise changes nothing."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord import networks
from accord.errors import NetworkError
from accord.networks import Network

graphs = st.builds(
    lambda n, p, seed: networks.erdos_renyi(n, p, seed), st.integers(1, 25), st.floats(0, 1), st.integers(0, 10_000)
)


@given(graphs)
def test_metropolis_is_the_formula_and_doubly_stochastic(network: Network) -> None:
    W, d = network.W, network.degrees
    assert (W == W.T).all()
    assert (W >= 0).all()
    np.testing.assert_allclose(W.sum(axis=0), 1, atol=1e-14)
    for j, k, w in zip(*network.edges, strict=True):
        assert w == 1 / (1 + max(d[j], d[k]))


@given(graphs, st.randoms(use_true_random=False))
def test_metropolis_follows_a_renumbering_of_the_agents(network: Network, random) -> None:
    order = list(range(network.size))
    random.shuffle(order)
    renumbered = nx.Graph()
    renumbered.add_nodes_from(f"agent {k}" for k in order)
    renumbered.add_edges_from((f"agent {j}", f"agent {k}") for j, k in network.graph.edges)
    np.testing.assert_allclose(networks.from_networkx(renumbered).W, network.W[np.ix_(order, order)], atol=1e-15)


@given(graphs)
def test_lazy_is_the_half_way_to_the_identity(network: Network) -> None:
    lazy = network.lazy()
    np.testing.assert_allclose(lazy.W, (np.eye(network.size) + network.W) / 2, atol=1e-15)
    assert lazy.lambda_min >= -1e-14


@given(graphs)
def test_push_splits_and_pull_averages(network: Network) -> None:
    hears = (network.W != 0).astype(float)
    np.testing.assert_allclose(network.push().W, hears / hears.sum(axis=0), atol=1e-14)
    np.testing.assert_allclose(network.pull().W, hears / hears.sum(axis=1, keepdims=True), atol=1e-14)


@pytest.mark.parametrize("network", [networks.ring(16), networks.star(8), networks.grid(3, 4)], ids=lambda n: n.name)
def test_best_constant_is_the_least_sigma_over_one_weight(network: Network) -> None:
    laplacian = np.diag(network.degrees) - (network.W - np.diag(np.diag(network.W)) != 0)
    values = np.linalg.eigvalsh(laplacian)

    def sigma(weight: float) -> float:
        return max(abs(1 - weight * values[1]), abs(1 - weight * values[-1]))

    tried = min(sigma(weight) for weight in np.linspace(0, 2 / values[-1], 2001))
    assert network.best_constant().sigma <= tried + 1e-12
    assert network.best_constant().sigma == pytest.approx((values[-1] - values[1]) / (values[-1] + values[1]))


def test_fastest_is_never_worse_than_the_best_constant() -> None:
    for network in (networks.ring(16), networks.torus(4, 4), networks.path(7), networks.complete(5)):
        assert network.fastest().sigma <= network.best_constant().sigma + 1e-12


def test_fastest_beats_the_best_constant_where_degrees_differ() -> None:
    network = networks.erdos_renyi(20, 0.2, seed=4)
    fastest = network.fastest()
    networks.check(fastest, "symmetric", "DGD")
    assert fastest.sigma < network.best_constant().sigma - 0.02
    assert ((fastest.W != 0) | (network.W != 0) == (network.W != 0)).all()


def test_fastest_is_a_minimum() -> None:
    network = networks.grid(3, 3)
    fastest = network.fastest()
    rng = np.random.default_rng(0)
    for _ in range(50):  # σ is convex in the weights: no small step may improve on a minimum
        first, second = np.triu_indices(9, 1)
        linked = network.W[first, second] != 0
        nudge = np.zeros((9, 9))
        nudge[first[linked], second[linked]] = 1e-3 * rng.standard_normal(linked.sum())
        nudge = nudge + nudge.T
        nudged = fastest.W + nudge - np.diag(nudge.sum(axis=1))
        assert networks.from_weights(nudged, signed=True).sigma >= fastest.sigma - 1e-7


def test_fastest_of_too_many_agents_is_refused_before_the_solver_starts() -> None:
    with pytest.raises(NetworkError, match=r"up to 100 agents, but ring\(101\) has 101"):
        networks.ring(101).fastest()


def test_fastest_without_cvxpy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from accord.errors import MissingExtra

    monkeypatch.setitem(__import__("sys").modules, "cvxpy", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[cvxpy\]'"):
        networks.ring(4).fastest()


def test_weights_for_undirected_graphs_are_refused_on_directed_ones() -> None:
    one_way = networks.from_networkx(nx.cycle_graph(4, create_using=nx.DiGraph))
    for rule in (one_way.metropolis, one_way.best_constant, one_way.fastest):
        with pytest.raises(NetworkError, match=r"agent 0 hears agent 3 but not .* \(4 one-way links\)\. Use push\(\)"):
            rule()


@given(graphs.filter(lambda network: network.size > 1), st.integers(0, 24))
def test_fault_16_a_node_leaves_and_columns_still_sum_to_one(network: Network, agent: int) -> None:
    agent %= network.size
    stay = np.delete(np.arange(network.size), agent)
    for weighted in (network, network.lazy(), network.push()):
        left = weighted.without(agent)
        np.testing.assert_allclose(left.W.sum(axis=0), 1, atol=1e-14)
        others = ~np.eye(len(stay), dtype=bool)
        assert (left.W[others] == weighted.W[np.ix_(stay, stay)][others]).all()
    assert network.without(agent).symmetric
    np.testing.assert_allclose(network.pull().without(agent).W.sum(axis=1), 1, atol=1e-14)


def test_fault_16_push_sum_conserves_mass_when_a_node_leaves() -> None:
    arrows = nx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 3), (3, 1)])
    network = networks.from_networkx(arrows)
    s, w = np.array([1.0, 5.0, 2.0, -3.0, 8.0]), np.ones(5)
    for _ in range(3):
        s, w = network.W @ s, network.W @ w
    network, s, w = network.without(2), np.delete(s, 2), np.delete(w, 2)  # agent 2 takes what it holds with it
    rest = s.sum() / w.sum()
    for _ in range(200):
        s, w = network.W @ s, network.W @ w
    np.testing.assert_allclose(s / w, rest, rtol=1e-12)  # those who stay agree on the average of what was left


def test_fault_16_nobody_leaves_who_is_not_there() -> None:
    with pytest.raises(NetworkError, match="Agent 5 cannot leave"):
        networks.ring(5).without(5)
    with pytest.raises(NetworkError, match="one must stay"):
        networks.ring(1).without(0)


def test_a_network_is_not_changed_by_accident() -> None:
    network = networks.ring(4)
    with pytest.raises(ValueError, match="read-only"):
        network.W[0, 0] = 2.0  # pyright: ignore[reportIndexIssue]
    mine = np.full((2, 2), 0.5)
    kept = networks.from_weights(mine)
    mine[0, 0] = 7.0
    assert kept.W[0, 0] == 0.5


def test_agents_without_links_have_no_weight_to_choose() -> None:
    apart = networks.erdos_renyi(3, 0)
    np.testing.assert_array_equal(apart.best_constant().W, np.eye(3))
    np.testing.assert_array_equal(apart.fastest().W, np.eye(3))
