"""Spectral facts beyond the size of dense matrices, against closed forms."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from accord import networks


def test_a_long_ring_against_its_closed_form() -> None:
    n = 30_000
    ring = networks.ring(n)
    gap = 2 / 3 * (1 - np.cos(2 * np.pi / n))  # eigenvalues of W are 1/3 + 2/3 cos(2πj/n)
    assert 1 - ring.spectrum.second == pytest.approx(gap, rel=1e-6)
    assert ring.lambda_min == pytest.approx(-1 / 3, abs=1e-6)
    assert ring.gamma == pytest.approx(0.75 * gap, rel=1e-6)
    assert "σ" in repr(ring)  # asked for, and so printed


def test_a_sparse_hypercube_against_its_closed_form() -> None:
    cube = networks.hypercube(4096)  # eigenvalues of W are 1 − 2i/13, i = 0 to 12
    assert cube.sigma == pytest.approx(11 / 13, abs=1e-10)
    assert cube.lambda_min == pytest.approx(-11 / 13, abs=1e-10)


def test_a_sparse_star_and_its_best_constant_against_closed_forms() -> None:
    n = 3000
    star = networks.star(n)  # eigenvalues of its Laplacian are 0, 1, n
    assert star.sigma == pytest.approx(1 - 1 / n, abs=1e-10)
    assert star.best_constant().sigma == pytest.approx((n - 1) / (n + 1), abs=1e-10)


def test_sparse_and_dense_agree_on_an_expander(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = networks.erdos_renyi(600, 0.03, seed=1)
    facts = dense.sigma, dense.lambda_min, dense.gamma
    monkeypatch.setattr("accord.networks.spectrum.DENSE_UP_TO", 10)
    monkeypatch.setattr("accord.networks.weights.DENSE_UP_TO", 10)
    sparse = networks.erdos_renyi(600, 0.03, seed=1)
    assert not isinstance(sparse.W, np.ndarray)
    assert (sparse.sigma, sparse.lambda_min, sparse.gamma) == pytest.approx(facts, abs=1e-6)


def test_sparse_and_dense_agree_on_directed_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    arrows = nx.gnp_random_graph(100, 0.1, seed=2, directed=True)
    dense = networks.from_networkx(arrows)
    facts = dense.sigma, dense.lambda_min
    monkeypatch.setattr("accord.networks.spectrum.DENSE_UP_TO", 10)
    monkeypatch.setattr("accord.networks.weights.DENSE_UP_TO", 10)
    sparse = networks.from_networkx(arrows)
    assert not isinstance(sparse.W, np.ndarray)
    assert (sparse.sigma, sparse.lambda_min) == pytest.approx(facts, abs=1e-8)


def test_sigma_of_one_way_weights_is_the_second_largest_modulus() -> None:
    cycle = networks.from_networkx(nx.cycle_graph(5, create_using=nx.DiGraph)).lazy()
    values = 0.75 + 0.25 * np.exp(2j * np.pi * np.arange(5) / 5)
    assert cycle.sigma == pytest.approx(np.sort(abs(values))[-2])


def test_agents_cut_off_have_no_gap() -> None:
    apart = networks.from_weights(np.eye(3))
    assert (apart.sigma, apart.gamma) == (1, 0)


def test_a_gap_that_drowns_in_the_tolerance_is_found_by_factorising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.networks.spectrum._ROUGH", 1e-4)  # at which Lanczos believes to have found λ₂
    n = 2500
    assert 1 - networks.ring(n).spectrum.second == pytest.approx(2 / 3 * (1 - np.cos(2 * np.pi / n)), rel=1e-6)


@pytest.mark.parametrize("network", [networks.torus(50, 60), networks.exponential(2500).lazy(), networks.ring(2501)])
def test_a_fourier_transform_finds_what_factors_and_lanczos_find(network: networks.Network) -> None:
    unnamed = networks.from_weights(network.W)  # the same, without its group
    assert network.group
    assert not unnamed.group
    assert network.spectrum.second == pytest.approx(unnamed.spectrum.second, abs=1e-9)
    assert network.lambda_min == pytest.approx(unnamed.lambda_min, abs=1e-6)


def test_a_long_strip_is_factorised_and_agrees_with_all_eigenvalues(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = networks.grid(3, 100)
    facts = dense.spectrum
    monkeypatch.setattr("accord.networks.spectrum.DENSE_UP_TO", 10)
    monkeypatch.setattr("accord.networks.weights.DENSE_UP_TO", 10)
    assert networks.grid(3, 100).spectrum == pytest.approx(facts, abs=1e-9)
