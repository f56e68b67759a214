"""Networks that change from round to round."""

from __future__ import annotations

import numpy as np
import pytest

from accord import networks
from accord.errors import NetworkError
from accord.networks import Network


def pairs(*linked: tuple[int, int], size: int = 4) -> Network:
    """Each pair averages; everybody else keeps what it has."""
    W = np.eye(size)
    for k, j in linked:
        W[[k, k, j, j], [k, j, k, j]] = 0.5
    return networks.from_weights(W)


def test_members_are_taken_in_turn() -> None:
    members = [pairs((0, 1), (2, 3)), pairs((1, 2), (0, 3))]
    cycle = networks.sequence(members)
    assert cycle.members == tuple(members)
    assert cycle.size == 4
    assert [cycle.at(t) is members[t % 2] for t in range(5)] == [True] * 5
    assert cycle.W_at(3) is members[1].W


def test_fault_15_jointly_connected_rounds_are_enough() -> None:
    cycle = networks.sequence([pairs((0, 1), (2, 3)), pairs((1, 2), (0, 3))])
    networks.check(cycle, "doubly stochastic", "DGD")
    x = np.array([1.0, 2.0, 3.0, 10.0])
    for t in range(4):
        x = cycle.W_at(t) @ x
    np.testing.assert_allclose(x, 4.0)  # these pairs average four agents exactly in two rounds
    assert cycle.sigma == pytest.approx(0, abs=1e-7)


def test_fault_15_not_jointly_connected_lists_the_components() -> None:
    with pytest.raises(NetworkError, match=r"Over the 2 rounds of the cycle .* 2 components: \{0, 1, 2\}, \{3\}"):
        networks.sequence([pairs((0, 1)), pairs((1, 2))])


def test_fault_15_every_round_must_be_stochastic() -> None:
    W = np.full((4, 4), 0.25)
    W[2, 2] = 0.15
    cycle = networks.sequence([pairs((0, 1)), networks.from_weights(W)])
    with pytest.raises(
        NetworkError, match=r"In round 1 of the cycle DGD needs symmetric weights, but row 2 sums to 0\.9"
    ):
        networks.check(cycle, "symmetric", "DGD")


def test_fault_15_a_cycle_of_swaps_never_mixes() -> None:
    swap = networks.from_weights([[0, 1], [1, 0]])
    with pytest.raises(NetworkError, match=r"one cycle of 2 rounds leaves σ = 1\. Use lazy\(\)"):
        networks.check(networks.sequence([swap, swap]), "symmetric", "DGD")
    networks.check(networks.sequence([swap, swap.lazy()]), "symmetric", "DGD")


def test_sigma_is_the_mean_factor_a_round() -> None:
    ring = networks.ring(8)
    assert networks.sequence([ring]).sigma == pytest.approx(ring.sigma)
    assert networks.sequence([ring, ring, ring]).sigma == pytest.approx(ring.sigma)


def test_members_must_have_the_same_agents() -> None:
    with pytest.raises(NetworkError, match="member 1 has 5 and member 0 has 4"):
        networks.sequence([networks.ring(4), networks.ring(5)])
    with pytest.raises(NetworkError, match="at least one"):
        networks.sequence([])
