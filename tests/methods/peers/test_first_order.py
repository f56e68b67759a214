"""Exact first-order methods: the optimum with the step they choose, their invariants, what they bear of a network."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import NetworkError
from accord.methods import METHODS
from accord.runtimes import Vectorised

K, D = 6, 3
RANDOM = np.random.default_rng(7)
PROBLEM = accord.problems.quadratic(
    H=RANDOM.uniform(1, 4, (K, D)), c=RANDOM.normal(size=(K, D)), weights=RANDOM.uniform(1, 2, K)
)
RING = accord.networks.ring(K)
LONG = accord.Stop(rounds=1500, progress=0)

SUMS_TO_ZERO = {
    "EXTRA": "y",
    "NIDS": "y",
    "DecentralizedADMM": "alpha",
    "DLM": "alpha",
    "LED": "y",
    "LTADMM": "alpha",
    "KGT": "c",
    "DecentralizedProxSkip": "h",
    "ATG": "q",
}
"""The dual variable of a method, by the letter of its paper."""

TRACKS = {"ATCGradientTracking": "g", "PushDIGing": "g", "PushPull": "g", "GTSAGA": "v", "GTSARAH": "v"}
"""What the sum of the trackers y follows: gradients, or estimates of them."""

BEARS_ALL = (*SUMS_TO_ZERO, *TRACKS, "MSDA", "OPAPC", "AcceleratedGradientTracking", "ExactDiffusion")


def far(run: accord.Run) -> float:
    return float(np.abs(np.array(run.agents) - PROBLEM.solve()).max())


def states_of(name: str, network: Any, rounds: int) -> list[Any]:
    """The agents' states after every round."""
    plan, _ = build_plan(RunRequest(problem=PROBLEM, method=getattr(accord, name)(), network=network, record=1))
    with jax.enable_x64(True):
        session = Vectorised().start(plan)
        found = []
        for _ in range(rounds):
            session.advance(1, 1)
            found.append(jax.tree.map(np.asarray, session.carry.states))
    return found


@pytest.mark.parametrize("name", BEARS_ALL)
def test_it_reaches_the_optimum_on_a_network_that_fails_in_every_way_it_bears(name: str) -> None:
    """Lost links, sleeping agents and a network that changes, all at once, with the step that the method chooses."""
    method = getattr(accord, name)
    assert set(method.bears) == {"lose", "sleep", "vary"}
    failing = accord.networks.sequence([RING, accord.networks.star(K)]).lose(0.1).sleep(0.1)
    assert far(accord.run(PROBLEM, method(), network=failing, stop=LONG)) < 1e-9


@pytest.mark.parametrize("name", SUMS_TO_ZERO)
def test_the_dual_variables_sum_to_zero_in_every_round_whatever_links_are_lost(name: str) -> None:
    duals = [getattr(states, SUMS_TO_ZERO[name]) for states in states_of(name, RING.lose(0.3), 6)]
    assert np.abs(duals[-1]).max() > 1e-3
    np.testing.assert_allclose(np.sum(duals, 1), 0, atol=1e-12)


@pytest.mark.parametrize("name", TRACKS)
def test_the_trackers_sum_to_the_gradients_in_every_round_whatever_links_are_lost(name: str) -> None:
    for states in states_of(name, RING.lose(0.3), 6):
        np.testing.assert_allclose(states.y.sum(0), getattr(states, TRACKS[name]).sum(0), rtol=1e-12, atol=1e-12)


NEVER_APART = [kind for kind in METHODS if kind().always_connected]


@pytest.mark.parametrize("kind", NEVER_APART, ids=lambda kind: kind.__name__)
def test_a_round_in_which_agents_are_apart_is_refused_where_all_have_to_be_connected(kind: Any) -> None:
    cycle = accord.networks.random_matchings(RING, rounds=8)
    with pytest.raises(NetworkError, match=r"In round 0 of the cycle \w+ needs a connected network"):
        accord.run(PROBLEM, kind(), network=cycle)
