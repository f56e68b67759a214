"""Peer methods where their answers are known in closed form: quadratics f_k = ½(x−c_k)ᵀH_k(x−c_k)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord import networks
from accord.problems import quadratic

K, D = 6, 2
LONG = accord.Stop(rounds=4000, progress=0)
NETWORKS = [networks.ring(K), networks.path(K), networks.star(K), networks.complete(K)]


def agents(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """H (K, D, D), positive definite; c (K, D); p (K,), unequal."""
    random = np.random.default_rng(seed)
    half = random.normal(size=(K, D, D))
    return half @ half.transpose(0, 2, 1) + np.eye(D), random.normal(size=(K, D)), random.dirichlet(np.ones(K))


def stacked(H: np.ndarray, c: np.ndarray, p: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W ⊗ I, the block-diagonal H and b = Hc, with the agents' weights within as the method meets them: K·p_k f_k."""
    blocks = np.zeros((K, D, K, D))
    blocks[np.arange(K), :, np.arange(K)] = K * p[:, None, None] * H
    blocks = blocks.reshape(K * D, K * D)
    return np.kron(W, np.eye(D)), blocks, blocks @ c.ravel()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_dgd_stands_at_its_fixed_point(network: Any) -> None:
    """(I − W + aH) x = a b."""
    H, c, p = agents()
    a = 0.05
    W, H_all, b = stacked(H, c, p, network.W)
    run = accord.run(quadratic(H, c, weights=p), accord.DGD(a), network=network, stop=LONG)
    expected = np.linalg.solve(np.eye(K * D) - W + a * H_all, a * b).reshape(K, D)
    np.testing.assert_allclose(run.agents, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.x, p @ expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_atc_stands_at_its_fixed_point(network: Any) -> None:
    """(I − W + aWH) x = aW b."""
    H, c, p = agents()
    a = 0.05
    W, H_all, b = stacked(H, c, p, network.W)
    run = accord.run(quadratic(H, c, weights=p), accord.ATC(a), network=network, stop=LONG)
    expected = np.linalg.solve(np.eye(K * D) - W + a * W @ H_all, a * W @ b).reshape(K, D)
    np.testing.assert_allclose(run.agents, expected, rtol=0, atol=1e-12)


def test_average_consensus_reaches_the_weighted_mean_of_what_each_would_choose() -> None:
    H, c, p = agents()
    run = accord.run(quadratic(H, c, weights=p), accord.AverageConsensus(), network=networks.ring(K), stop=LONG)
    np.testing.assert_allclose(run.agents, [p @ c] * K, rtol=0, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_average_consensus_is_a_power_of_the_mixing_matrix(network: Any) -> None:
    H, c, _ = agents()
    run = accord.run(
        quadratic(H, c), accord.AverageConsensus(), network=network, stop=accord.Stop(rounds=7, progress=0)
    )
    np.testing.assert_allclose(run.agents, np.linalg.matrix_power(network.W, 7) @ c, rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.x, c.mean(0), rtol=0, atol=1e-12)


def test_gradient_tracking_reaches_the_optimum_to_rounding() -> None:
    H, c, p = agents()
    optimum = np.linalg.solve(np.einsum("k,kij->ij", p, H), np.einsum("k,kij,kj->i", p, H, c))
    run = accord.run(quadratic(H, c, weights=p), accord.GradientTracking(), network=networks.ring(K), stop=LONG)
    np.testing.assert_allclose(run.agents, [optimum] * K, rtol=0, atol=1e-12)


LIMITS = {
    accord.DGD: lambda L, network: (1 + network.lambda_min) / L,
    accord.ATC: lambda L, network: 2 / L,
    accord.GradientTracking: lambda L, network: (1 + network.lambda_min) ** 2 / (2 * L),
}


@pytest.mark.parametrize("kind", LIMITS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("network", [networks.ring(K), networks.star(K)], ids=lambda network: network.name)
@pytest.mark.parametrize(("part", "stable"), [(0.99, True), (1.01, False)])
def test_the_stated_limit_of_the_step_is_sharp_where_curvatures_are_equal(
    kind: Any, network: Any, part: float, stable: bool
) -> None:
    L = 3.0
    _, c, _ = agents()
    method = kind(part * LIMITS[kind](L, network))
    run = accord.run(quadratic(L * np.stack([np.eye(D)] * K), c), method, network=network, stop=LONG)
    assert ("diverged" in run.reason) == (not stable)
    if stable:
        assert max(np.abs(x).max() for x in run.agents) < 2 * np.abs(c).max()
