"""Peers against fixed points solved by hand, published recursions in NumPy, and each other where they coincide."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest

import accord
from accord.problems.regularizers import L1

H = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
C = np.array([0.0, 1.0, 2.0, 6.0, -1.0])
PROBLEM = accord.problems.quadratic(H=H, c=C)
NETWORK = accord.networks.path(5)
W = np.asarray(NETWORK.W)
LAZY = (np.eye(5) + W) / 2
A = 0.05  # a step size
DIRECTED = nx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2), (3, 1)])


def grad(x: np.ndarray) -> np.ndarray:
    return H * (x - C)


def agents(method: Any, rounds: int, **how: Any) -> np.ndarray:
    how = {"problem": PROBLEM, "network": NETWORK, **how}
    run = accord.run(method=method, stop=accord.Stop(rounds=rounds, progress=0), **how)
    return np.array(run.agents).squeeze()


def test_cta_stands_at_its_fixed_point() -> None:
    """(I − W + aHW) x = aHc."""
    expected = np.linalg.solve(np.eye(5) - W + A * H[:, None] * W, A * H * C)
    np.testing.assert_allclose(agents(accord.CTA(A), 2000), expected, atol=1e-12)


def test_extra_is_its_published_recursion() -> None:
    old, x = np.zeros(5), -A * grad(np.zeros(5))
    for _ in range(6):
        old, x = x, x + W @ x - LAZY @ old - A * (grad(x) - grad(old))
    np.testing.assert_allclose(agents(accord.EXTRA(A), 7), x, atol=1e-13)


def test_exact_diffusion_and_nids_are_the_published_recursions() -> None:
    old, x = np.zeros(5), LAZY @ (-A * grad(np.zeros(5)))
    for _ in range(6):
        old, x = x, LAZY @ (2 * x - old - A * (grad(x) - grad(old)))
    np.testing.assert_allclose(agents(accord.ExactDiffusion(A), 7), x, atol=1e-13)
    np.testing.assert_allclose(agents(accord.NIDS(A), 7), x, atol=1e-13)


def test_d2_mixes_with_the_whole_of_w() -> None:
    old, x = np.zeros(5), W @ (-A * grad(np.zeros(5)))
    for _ in range(6):
        old, x = x, W @ (2 * x - old - A * (grad(x) - grad(old)))
    np.testing.assert_allclose(agents(accord.ExactDiffusion(A, lazy=False), 7), x, atol=1e-13)


def test_nids_with_a_proximal_term_is_its_published_recursion() -> None:
    def soft(v: np.ndarray) -> np.ndarray:
        return np.sign(v) * np.maximum(np.abs(v) - A * 2.0, 0)

    old, z = np.zeros(5), LAZY @ (-A * grad(np.zeros(5)))
    x = soft(z)
    for _ in range(6):
        z = z - x + LAZY @ (2 * x - old - A * (grad(x) - grad(old)))
        old, x = x, soft(z)
    method = accord.NIDS(A, regularizer=L1(2.0))
    np.testing.assert_allclose(agents(method, 7), x, atol=1e-13)


@pytest.mark.parametrize("kind", [accord.EXTRA, accord.NIDS])
def test_a_composite_method_reaches_the_lasso(kind: Any) -> None:
    random = np.random.default_rng(1)
    shards = [(random.normal(size=(8, 3)), random.normal(size=8)) for _ in range(5)]
    lasso = accord.problems.lasso(shards, l1=0.1)
    answer = lasso.solve()
    assert (answer == 0).any()
    assert (answer != 0).any()
    np.testing.assert_allclose(agents(kind(), 3000, problem=lasso), [answer] * 5, atol=1e-9)


def test_local_training_of_a_single_step_is_exact_diffusion() -> None:
    one = accord.GradientDescent(steps=1, step_size=A)
    expected = agents(accord.ExactDiffusion(A), 7)
    np.testing.assert_allclose(agents(accord.LED(one), 7), expected, atol=1e-13)
    np.testing.assert_allclose(agents(accord.DecentralizedProxSkip(A, steps=1), 7), expected, atol=1e-13)


def test_lt_admm_of_a_single_step_is_extra() -> None:
    one = accord.GradientDescent(steps=1, step_size=A)
    np.testing.assert_allclose(agents(accord.LTADMM(one, 1.0), 7), agents(accord.EXTRA(A), 7), atol=1e-13)


def test_decentralized_admm_is_its_published_recursion() -> None:
    """Shi et al., every link weighed by w_kj, the own one among them: f + ⟨α − ρ(x + Wx), x⟩ + ρ‖x‖²."""
    rho, x, alpha = 2.0, np.zeros(5), np.zeros(5)
    for _ in range(7):
        x = (H * C - alpha + rho * (x + W @ x)) / (H + 2 * rho)
        alpha = alpha + rho * (x - W @ x)
    np.testing.assert_allclose(agents(accord.DecentralizedADMM(rho), 7), x, atol=1e-13)


@pytest.mark.parametrize("kind", [accord.PushPull, accord.PushDIGing])
def test_gradients_are_tracked_on_a_directed_graph(kind: Any) -> None:
    found = agents(kind(), 4000, network=accord.networks.from_networkx(DIRECTED))
    np.testing.assert_allclose(found, [PROBLEM.solve().item()] * 5, atol=1e-9)


def test_push_sum_keeps_the_mean_of_1_to_16_on_lossy_links() -> None:
    """10 % of the links fail each round; 8.5, not 8.72 nor 0."""
    numbers = accord.problems.quadratic(H=np.ones(16), c=np.arange(1.0, 17))
    lossy = accord.networks.ring(16).lose(0.1)
    np.testing.assert_allclose(agents(accord.PushSum(), 800, problem=numbers, network=lossy), [8.5] * 16, atol=1e-12)


def test_push_sum_weighs_on_a_directed_graph_that_changes_and_sleeps() -> None:
    weights = np.arange(1.0, 6)
    numbers = accord.problems.quadratic(H=np.ones(5), c=C, weights=weights)
    members = [accord.networks.from_networkx(graph) for graph in (DIRECTED, nx.cycle_graph(5, nx.DiGraph))]
    failing = accord.networks.sequence(members).lose(0.1).sleep(0.1)
    found = agents(accord.PushSum(), 300, problem=numbers, network=failing)
    np.testing.assert_allclose(found, [weights @ C / weights.sum()] * 5, atol=1e-12)
