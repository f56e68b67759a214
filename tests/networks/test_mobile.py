"""Agents that move: who hears whom is who is near, round by round."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.errors import NetworkError


def test_who_is_within_the_radius_is_heard_and_nobody_else() -> None:
    places = np.random.default_rng(0).random((5, 12, 2))
    network = accord.networks.moving(places, 0.45)
    for t in (0, 3, 5, 9):
        apart = np.linalg.norm(places[t % 5, :, None] - places[t % 5], axis=2)
        np.testing.assert_array_equal(network.W_at(t) != 0, (apart <= 0.45) | np.eye(12, dtype=bool))
        assert network.at(t).symmetric
        assert network.at(t).doubly_stochastic


@pytest.mark.parametrize(
    ("places", "radius", "message"),
    [
        (np.zeros((3, 2)), 1.0, r"shape is \(3, 2\)"),
        (np.full((1, 2, 2), np.nan), 1.0, "finite numbers"),
        (np.zeros((1, 2, 2)), 0.0, "radius is a positive number, but it is 0.0"),
        ([[[0.0], [9.0]], [[0.0], [8.0]]], 1.0, "stay apart in 2 components"),
    ],
)
def test_what_is_no_motion_or_never_meets_is_refused(places: np.ndarray, radius: float, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        accord.networks.moving(places, radius)


def test_a_long_cycle_is_named_by_its_first_member() -> None:
    places = np.random.default_rng(0).random((9, 3, 2))
    assert accord.networks.moving(places, 1.0).name == "sequence of 9: moving(3, radius=1) in round 0, ..."
