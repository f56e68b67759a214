"""The check at the door of `run`: faults 11 to 15."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from accord import networks
from accord.errors import NetworkError, UnknownName


def test_fault_11_disconnected_graph_lists_its_components() -> None:
    apart = networks.from_networkx(nx.Graph([(0, 1), (1, 2), (3, 4)]))
    with pytest.raises(NetworkError, match=r"DGD needs a connected .* 2 components: \{0, 1, 2\}, \{3, 4\}\. Add links"):
        networks.check(apart, "symmetric", "DGD")


def test_fault_11_many_components_are_abbreviated() -> None:
    apart = networks.from_networkx(nx.disjoint_union_all([nx.cycle_graph(30)] * 50))
    with pytest.raises(NetworkError, match=r"50 components: \{0, 1, 2, 3, \.\.\. 30 agents\}.* and 46 more") as refused:
        networks.check(apart, "symmetric", "DGD")
    assert len(str(refused.value)) < 500


def test_fault_11_links_that_lead_nowhere_back_do_not_connect() -> None:
    chain = networks.from_networkx(nx.DiGraph([(0, 1), (1, 0), (1, 2)]))
    with pytest.raises(NetworkError, match=r"2 components: \{0, 1\}, \{2\}"):
        networks.check(chain, "column stochastic", "PushSum")


def test_fault_11_a_link_of_no_weight_does_not_connect() -> None:
    with pytest.raises(NetworkError, match="2 components"):
        networks.check(networks.from_weights([[1, 1e-15], [1e-15, 1]]), "symmetric", "DGD")


def test_fault_12_a_column_does_not_sum_to_one() -> None:
    W = networks.ring(5).W.copy()
    W[3, 3] -= 0.17
    W[3, [2, 4]] += 0.17 / 2  # row 3 still sums to one
    told = (
        r"^GradientTracking needs doubly stochastic weights, but column 3 sums to 0\.83\. "
        r"Use networks\.metropolis\(graph\), or PushPull on directed graphs\.$"
    )
    with pytest.raises(NetworkError, match=told):
        networks.check(networks.from_weights(W), "doubly stochastic", "GradientTracking")


def test_fault_12_a_row_does_not_sum_to_one() -> None:
    W = np.array([[0.5, 0.5], [0.5, 0.4]])
    for weights in ("doubly stochastic", "symmetric", "row stochastic"):
        with pytest.raises(NetworkError, match=f"DGD needs {weights} weights, but row 1 sums to 0.9. Use"):
            networks.check(networks.from_weights(W), weights, "DGD")
    with pytest.raises(NetworkError, match=r"column 1 sums to 0.9. Use network.push\(\)"):
        networks.check(networks.from_weights(W), "column stochastic", "PushSum")


def test_fault_12_single_precision_is_told_as_such() -> None:
    W = networks.ring(3).W.astype(np.float32) * np.float32(1 + 1e-6)
    with pytest.raises(NetworkError, match=r"row 0 sums to 1 \+1\.\de-06"):
        networks.check(networks.from_weights(W), "symmetric", "DGD")


@pytest.mark.parametrize("weights", ["doubly stochastic", "symmetric", "row stochastic", "column stochastic"])
def test_fault_12_negative_weights(weights: str) -> None:
    link = np.array([[0.7, 0.5, -0.2], [0.5, 0.3, 0.2], [-0.2, 0.2, 1.0]])
    with pytest.raises(NetworkError, match=rf"X needs {weights} weights, but w\[0, 2\] = -0.2 is negative"):
        networks.check(networks.from_weights(link), weights, "X")
    own = np.array([[-0.1, 1.1], [1.1, -0.1]])
    with pytest.raises(NetworkError, match=r"w\[0, 0\] = -0.1 is negative"):
        networks.check(networks.from_weights(own), weights, "X")


def test_fault_12_negative_weights_that_are_meant_must_still_mix() -> None:
    star = networks.star(8).best_constant()  # the centre's own weight is negative
    assert star.W[0, 0] < 0
    networks.check(star, "doubly stochastic", "GradientTracking")
    networks.check(star.without(3), "doubly stochastic", "GradientTracking")
    with pytest.raises(NetworkError, match="is negative"):
        networks.check(star, "column stochastic", "PushSum")  # push-sum divides by a sum of weights
    unstable = networks.from_weights([[-0.1, 1.1], [1.1, -0.1]], signed=True)
    with pytest.raises(NetworkError, match=r"λ_min = -1\.2"):
        networks.check(unstable, "symmetric", "DGD")
    growing = networks.from_weights([[1.1, -0.1], [-0.1, 1.1]], signed=True)
    with pytest.raises(NetworkError, match="σ = 1 "):
        networks.check(growing, "symmetric", "DGD")


def test_fault_12_asymmetric_weights() -> None:
    shift = np.roll(np.eye(3), 1, axis=1)
    W = 0.5 * np.eye(3) + 0.3 * shift + 0.2 * shift.T
    network = networks.from_weights(W)
    networks.check(network, "doubly stochastic", "GradientTracking")
    with pytest.raises(NetworkError, match=r"symmetric weights, but w\[0, 1\] = 0.3 and w\[1, 0\] = 0.2"):
        networks.check(network, "symmetric", "DGD")


@pytest.mark.parametrize(
    "W", [np.array([[0, 1], [1, 0]]), np.roll(np.eye(4), 1, axis=1) / 2 + np.roll(np.eye(4), -1, axis=1) / 2]
)
def test_fault_12_bipartite_period_two(W: np.ndarray) -> None:
    swapping = networks.from_weights(W)
    with pytest.raises(NetworkError, match=r"σ = 1 and λ_min = -1: agents would swap .* Use network\.lazy\(\)"):
        networks.check(swapping, "doubly stochastic", "DGD")
    networks.check(swapping.lazy(), "doubly stochastic", "DGD")


def test_fault_12_a_one_way_cycle_of_nothing_but_swaps() -> None:
    passing_on = networks.from_weights(np.roll(np.eye(5), 1, axis=1))
    with pytest.raises(NetworkError, match="σ = 1"):
        networks.check(passing_on, "column stochastic", "PushSum")
    networks.check(passing_on.lazy(), "column stochastic", "PushSum")


def test_an_odd_ring_without_own_weights_mixes() -> None:
    odd = np.roll(np.eye(5), 1, axis=1) / 2 + np.roll(np.eye(5), -1, axis=1) / 2
    networks.check(networks.from_weights(odd), "symmetric", "DGD")


@pytest.mark.parametrize("weights", ["doubly stochastic", "symmetric"])
def test_fault_13_directed_graph_to_an_undirected_method(weights: str) -> None:
    arrows = networks.from_networkx(nx.DiGraph([(0, 1), (1, 2), (2, 0), (0, 2), (2, 1)]))
    with pytest.raises(NetworkError, match=r"agent 1 hears agent 0 but not .* \(1 one-way link\).*push-sum"):
        networks.check(arrows, weights, "DGD")
    networks.check(arrows, "column stochastic", "PushSum")
    networks.check(arrows.pull(), "row stochastic", "PushPull")


def test_a_directed_graph_with_balanced_weights_suits_who_asks_for_double_stochasticity() -> None:
    cycle = networks.from_networkx(nx.cycle_graph(5, create_using=nx.DiGraph))
    networks.check(cycle, "doubly stochastic", "GradientTracking")
    with pytest.raises(NetworkError, match="push-sum"):
        networks.check(cycle, "symmetric", "NIDS")


def test_fault_14_a_node_linked_to_itself_alone() -> None:
    graph = nx.cycle_graph(4)
    graph.add_edge(4, 4)
    with pytest.raises(NetworkError, match=r"\{0, 1, 2, 3\}, \{4\}\. Agent 4 hears nobody but itself"):
        networks.check(networks.from_networkx(graph), "doubly stochastic", "DGD")


def test_fault_14_the_only_node_may_be_linked_to_itself() -> None:
    networks.check(networks.from_networkx(nx.Graph([(0, 0)])), "doubly stochastic", "DGD")


def test_a_requirement_nobody_has_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'doubly stochastic'"):
        networks.check(networks.ring(3), "double stochastic", "DGD")


def test_a_large_network_is_checked_without_its_eigenvalues() -> None:
    ring = networks.ring(50_000)
    networks.check(ring, "symmetric", "DGD")
    assert "spectrum" not in vars(ring)
    W = csr_array(ring.W)
    W[70, 70] = 0.0
    with pytest.raises(NetworkError, match=r"row 70 sums to 0\.666667"):
        networks.check(networks.from_weights(W), "symmetric", "DGD")
