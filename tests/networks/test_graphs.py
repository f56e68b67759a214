"""The usual graphs: who hears whom, and the spectral facts of the reference cases."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from accord import networks
from accord.errors import NetworkError
from accord.networks import Network
from accord.networks.random_graphs import _pair

FAMILIES = [
    (networks.ring(16), nx.cycle_graph(16)),
    (networks.path(16), nx.path_graph(16)),
    (networks.star(9), nx.star_graph(8)),
    (networks.grid(4, 5), nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 5), ordering="sorted")),
    (
        networks.torus(4, 5),
        nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 5, periodic=True), ordering="sorted"),
    ),
    (networks.complete(7), nx.complete_graph(7)),
    (networks.hypercube(16), nx.convert_node_labels_to_integers(nx.hypercube_graph(4), ordering="sorted")),
    (networks.exponential(13), nx.circulant_graph(13, [1, 2, 4, 8])),
]
BY_NAME = [pytest.param(network, graph, id=network.name) for network, graph in FAMILIES]


@pytest.mark.parametrize(("network", "graph"), BY_NAME)
def test_families_have_the_links_that_networkx_gives_them(network: Network, graph: nx.Graph) -> None:
    assert nx.utils.edges_equal(network.graph.edges, graph.edges)
    assert network.links == 2 * graph.number_of_edges()
    assert network.degrees.tolist() == [graph.degree[k] for k in range(network.size)]


@pytest.mark.parametrize(("network", "graph"), BY_NAME)
def test_families_are_ready_to_mix(network: Network, graph: nx.Graph) -> None:
    networks.check(network, "symmetric", "DGD")
    assert network.symmetric
    assert network.doubly_stochastic
    assert network.sigma < 1


@pytest.mark.parametrize(
    ("network", "sigma", "lambda_min", "gamma"),
    [
        (networks.ring(16), 0.949253, -0.333333, 0.038060),
        (networks.path(16), 0.987190, -0.320524, 0.009701),
        (networks.hypercube(16), 0.6, -0.6, 0.25),
        (networks.complete(16), 0, 0, 1),
    ],
    ids=["ring", "path", "hypercube", "complete"],
)
def test_spectral_facts_of_the_reference_cases(network: Network, sigma: float, lambda_min: float, gamma: float) -> None:
    assert network.sigma == pytest.approx(sigma, abs=5e-7)
    assert network.lambda_min == pytest.approx(lambda_min, abs=5e-7)
    assert network.gamma == pytest.approx(gamma, abs=5e-7)


@pytest.mark.parametrize(
    ("network", "links"),
    [
        *(
            (lone(1), 0)
            for lone in (networks.ring, networks.star, networks.grid, networks.hypercube, networks.exponential)
        ),
        (networks.ring(2), 2),
        (networks.torus(2, 2), 8),
        (networks.torus(1, 4), 8),
    ],
)
def test_the_smallest_families_name_no_link_twice(network: Network, links: int) -> None:
    assert network.links == links
    assert network.W.sum() == pytest.approx(network.size)


def test_a_lone_agent_is_a_network_that_has_nothing_to_mix() -> None:
    lone = networks.complete(1)
    assert (lone.sigma, lone.gamma, lone.lambda_min) == (0, 1, 1)
    networks.check(lone, "doubly stochastic", "DGD")


def test_erdos_renyi_draws_each_pair_with_probability_p() -> None:
    n, p = 400, 0.1
    pairs = n * (n - 1) / 2
    drawn = networks.erdos_renyi(n, p, seed=3)
    assert abs(drawn.links / 2 - p * pairs) < 4 * np.sqrt(p * (1 - p) * pairs)
    degrees = drawn.degrees  # binomial(n - 1, p): a pair numbered wrongly would pile up links on some agents
    assert degrees.var() == pytest.approx((n - 1) * p * (1 - p), rel=0.25)


def test_erdos_renyi_numbers_pairs_exactly_however_many() -> None:
    second = np.concatenate([np.arange(1, 1000), np.arange(10_000_000, 10_001_000), np.arange(49_999_000, 50_000_000)])
    start = second * (second - 1) // 2  # of the pairs (0, second), (1, second), ...
    for index, first in ((start, 0), (start + second - 1, second - 1)):
        assert (_pair(index)[0] == first).all()
        assert (_pair(index)[1] == second).all()


def test_erdos_renyi_at_its_ends_is_empty_or_complete() -> None:
    assert networks.erdos_renyi(20, 0, seed=1).links == 0
    assert (networks.erdos_renyi(20, 1, seed=1).W == networks.complete(20).W).all()
    assert networks.erdos_renyi(20, 1e-300, seed=1).links == 0


def test_geometric_links_those_within_the_radius() -> None:
    drawn = networks.geometric(60, 0.25, seed=5)
    places = np.random.default_rng(5).random((60, 2))
    near = np.linalg.norm(places[:, None] - places[None], axis=2) <= 0.25
    assert ((drawn.W != 0) == near).all()


@pytest.mark.parametrize("draw", [lambda s: networks.erdos_renyi(50, 0.2, s), lambda s: networks.geometric(50, 0.3, s)])
def test_a_seed_fixes_the_draw(draw) -> None:
    assert (draw(1).W == draw(1).W).all()
    assert (draw(1).W != draw(2).W).any()


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: networks.ring(0), r"ring\(n\) takes whole numbers from 1 on, but got 0"),
        (lambda: networks.path(-3), "got -3"),
        (lambda: networks.star(2.5), "got 2.5"),  # pyright: ignore[reportArgumentType]
        (lambda: networks.complete("7"), "got '7'"),  # pyright: ignore[reportArgumentType]
        (lambda: networks.exponential(0), "got 0"),
        (lambda: networks.hypercube(12), "power of two of agents, but 12 were asked for. Use 8 or 16"),
        (lambda: networks.grid(12), "12 is no square number"),
        (lambda: networks.grid(3, 0), "got 0"),
        (lambda: networks.torus(0, 3), "got 0"),
        (lambda: networks.erdos_renyi(10, 1.5), "p = 1.5"),
        (lambda: networks.erdos_renyi(10, float("nan")), "p = nan"),
        (lambda: networks.erdos_renyi(10, 0.5, seed=-1), "A seed takes whole numbers from 0 on, but got -1"),
        (lambda: networks.geometric(10, 0.0), "it is 0.0"),
        (lambda: networks.geometric(10, -1.0), "it is -1.0"),
        (lambda: networks.geometric(10, float("nan")), "it is nan"),
    ],
)
def test_bad_arguments_are_refused_with_the_number(build, told: str) -> None:
    with pytest.raises(NetworkError, match=told):
        build()


@pytest.mark.parametrize(
    "build",
    [lambda: networks.ring(100_000), lambda: networks.torus(250, 400), lambda: networks.geometric(100_000, 0.004, 1)],
    ids=["ring", "torus", "geometric"],
)
def test_a_hundred_thousand_agents_take_no_dense_matrix(build) -> None:
    network = build()
    assert network.size == 100_000
    assert network.W.nnz == network.links + network.size
    assert network.doubly_stochastic
    assert "spectrum" not in vars(network)
    assert "σ" not in repr(network)  # printing a network does not set out on minutes of eigenvalues
