"""Gossip: matchings are matchings, and one-peer exponential graphs average exactly in one cycle."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord import networks
from accord.errors import NetworkError


def test_a_matching_pairs_neighbours_and_leaves_no_pair_of_free_neighbours() -> None:
    grid = networks.grid(3, 4)
    for member in networks.random_matchings(grid, rounds=20, seed=3).members:
        assert member.degrees.max() == 1
        assert member.symmetric
        assert set(member.W[member.W > 0]) <= {0.5, 1.0}
        alone = member.degrees == 0
        sources, targets, _ = member.edges
        assert (grid.W[targets, sources] > 0).all()
        assert not ((grid.W - np.diag(grid.W.diagonal()))[np.ix_(alone, alone)] > 0).any()


def test_a_seed_fixes_the_matchings() -> None:
    one, again, other = (networks.random_matchings(networks.ring(8), 10, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.W, b.W) for a, b in zip(one.members, again.members, strict=True))
    assert not all(np.array_equal(a.W, b.W) for a, b in zip(one.members, other.members, strict=True))


def test_too_few_matchings_leave_agents_apart() -> None:
    with pytest.raises(NetworkError, match="stay apart"):
        networks.random_matchings(networks.ring(8), rounds=1)


@pytest.mark.parametrize("n", [2, 8, 16])
def test_one_peer_exponential_graphs_average_exactly_in_a_cycle(n: int) -> None:
    product = np.eye(n)
    for member in networks.one_peer_exponential(n).members:
        assert (member.degrees == 1).all()
        product = member.W @ product
    np.testing.assert_allclose(product, 1 / n, rtol=0, atol=1e-15)


def test_one_peer_exponential_graphs_of_other_sizes_mix_too() -> None:
    cycle = networks.one_peer_exponential(6)
    assert len(cycle.members) == 3
    assert cycle.sigma < 1


def test_randomised_gossip_reaches_the_mean_of_1_to_16() -> None:
    numbers = accord.problems.quadratic(H=np.ones(16), c=np.arange(1.0, 17))
    for cycle, rounds in (
        (networks.random_matchings(networks.ring(16), 50), 1500),
        (networks.one_peer_exponential(16), 4),
    ):
        run = accord.run(numbers, accord.AverageConsensus(), network=cycle, stop=accord.Stop(rounds=rounds, progress=0))
        np.testing.assert_allclose(run.agents, 8.5, rtol=0, atol=1e-12)
