"""Mixing where some agents have many more neighbours than others, and where there are very many agents."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import accord
from accord import networks
from accord.networks.mixing import Weights, crowded, mix, mixing_weights

HUB = networks.star(300)
X = np.random.default_rng(0).standard_normal((300, 2))


def lists_and_matrix(network: networks.Network, **how: object) -> list[Weights]:
    return [mixing_weights(network.W, np.float64, dense=dense, **how) for dense in (False, True)]


@jax.enable_x64(True)
def mixed(weights: Weights, x: np.ndarray, alive: np.ndarray | None = None) -> np.ndarray:
    weights, x = jax.tree.map(jax.numpy.asarray, (weights, x))
    return np.asarray(mix(weights if alive is None else weights.over(alive), x, x, x))


def test_the_many_neighbours_of_a_hub_go_on_in_further_rows() -> None:
    lists, matrix = lists_and_matrix(HUB)
    assert not crowded(HUB.W)
    assert lists.w.shape[0] > 300
    assert lists.w.size < 4 * HUB.links
    np.testing.assert_allclose(mixed(lists, X), HUB.W @ X, atol=1e-14)
    np.testing.assert_allclose(mixed(matrix, X), HUB.W @ X, atol=1e-14)


def test_a_hub_loses_links_and_keeps_what_it_did_not_hear() -> None:
    first = np.stack([np.zeros(299, int), np.arange(1, 300)], 1)
    alive = np.random.default_rng(1).random(299) > 0.3
    answers = [mixed(weights, X, alive) for weights in lists_and_matrix(HUB, links=first)]
    np.testing.assert_allclose(*answers, atol=1e-14)
    np.testing.assert_allclose(answers[0].mean(0), X.mean(0), atol=1e-14)
    np.testing.assert_array_equal((answers[0][1:] == X[1:]).all(1), ~alive)


def test_a_hub_that_pushes_hands_on_all_it_has() -> None:
    pushed = HUB.push()
    for weights in lists_and_matrix(pushed, columns=True):
        np.testing.assert_allclose(mixed(weights, X), pushed.W @ X, atol=1e-14)


def test_a_cycle_of_thousands_is_mixed_by_lists() -> None:
    cycle = networks.one_peer_exponential(4096)
    weights = networks.faults.mixer(cycle, ("doubly stochastic",), np.dtype("float32")).flows["doubly stochastic"]
    assert weights.w.shape == (12, 4096, 1)


@pytest.mark.parametrize(
    "network",
    [networks.ring(100_000), networks.torus(250, 400), networks.geometric(100_000, 0.0075, seed=1)],
    ids=["ring", "torus", "geometric"],
)
def test_a_hundred_thousand_peers_mix_in_memory_linear_in_links_and_agents(network: networks.Network) -> None:
    weights = networks.faults.mixer(network, ("symmetric",), np.dtype("float64")).flows["symmetric"]
    assert sum(leaf.size for leaf in jax.tree.leaves(weights)) < 4 * (network.links + network.size)
    x = np.random.default_rng(0).standard_normal((100_000, 1))
    np.testing.assert_allclose(mixed(weights, x), network.W @ x, atol=1e-13)


def test_a_hundred_thousand_peers_average_over_links_that_fail() -> None:
    c = np.random.default_rng(0).standard_normal((100_000, 1)).astype(np.float32)
    problem = accord.problems.quadratic(np.ones_like(c), c)
    stop = accord.Stop(rounds=3, progress=0.0)
    run = accord.run(problem, accord.AverageConsensus(), network=networks.torus(250, 400).lose(0.1), stop=stop)
    apart = run.history["disagreement"]
    assert apart.iloc[0] == pytest.approx(c.var(), rel=1e-3)
    assert apart.iloc[-1] < 0.3 * apart.iloc[0]
    assert np.mean(run.agents) == pytest.approx(c.mean(), abs=1e-5)  # the average is kept, whatever was lost
