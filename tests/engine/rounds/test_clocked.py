"""Methods that keep step, on a virtual clock: how long a round is, by whom somebody waits for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.runtimes import Timed

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
PROBLEM = accord.problems.quadratic(H, C)
PACES = np.array([1.0, 5.0, 2.0, 1.5])


def seconds(method: Any, clock: accord.Clock, rounds: int = 12, **how: Any) -> np.ndarray:
    stop = accord.Stop(rounds=rounds, progress=0)
    run = accord.run(PROBLEM, method, runtime=Timed(clock), stop=stop, record=1, **how)
    return run.history["clock"].to_numpy()


def test_a_server_waits_for_the_slowest() -> None:
    found = seconds(accord.FedSGD(), accord.Clock(PACES, network=[0.0, 0.1, 4.0, 0.0]))
    np.testing.assert_allclose(found, 6.0 * np.arange(13))


def test_a_server_waits_for_its_cohort_alone() -> None:
    found = np.diff(seconds(accord.FedSGD(), accord.Clock(PACES), rounds=40, participation=1))
    assert {*found.round(6)} == {*PACES}


def test_a_market_waits_for_everybody() -> None:
    market = accord.problems.dispatch([0.004, 0.006], [5.3, 5.5], [500, 400], None, None, 600)
    stop = accord.Stop(rounds=3, progress=0)
    run = accord.run(market, accord.DualDecomposition(), runtime=Timed(accord.Clock([1.0, 2.0])), stop=stop)
    assert run.history["clock"].iloc[-1] == 6.0


@pytest.mark.parametrize("network", [accord.networks.path(4), accord.networks.ring(4)], ids=["path", "ring"])
@pytest.mark.parametrize("method", [accord.DGD(), accord.EdgeADMM()], ids=["one word", "one each"])
def test_a_peer_waits_for_its_neighbours_alone(network: Any, method: Any) -> None:
    """done_k⁺ = max over j of done_j + work_j + way_j, over the neighbours; its own has no way to go."""
    way = np.array([0.5, 0.0, 0.25, 1.0])
    done, expected = np.zeros(4), [0.0]
    for _ in range(12):
        work = done + PACES
        heard = np.where(network.W != 0, work + way, -np.inf)
        heard[np.diag_indices(4)] = work
        done = heard.max(1)
        expected.append(done.max())
    np.testing.assert_allclose(seconds(method, accord.Clock(PACES, network=way), network=network), expected)


def test_a_word_that_is_not_heard_is_not_waited_for() -> None:
    """The slow agent at the end of a path holds nobody up in a round in which its only link fails."""
    clock = accord.Clock([1.0, 1.0, 1.0, 10.0])
    first = accord.networks.path(4).lose(0.9)
    found = np.diff(seconds(accord.DGD(), clock, rounds=30, network=first))
    assert (found == 10).all()  # the slow agent itself is never faster
    assert seconds(accord.DGD(), accord.Clock([1.0, 1.0, 10.0, 1.0]), rounds=1, network=first)[-1] == 10.0


def test_a_clock_changes_nothing_but_what_is_told() -> None:
    how: dict[str, Any] = {"network": accord.networks.ring(4), "stop": accord.Stop(rounds=30, progress=0)}
    plain = accord.run(PROBLEM, accord.GradientTracking(), **how)
    timed = accord.run(PROBLEM, accord.GradientTracking(), runtime=Timed(accord.Clock(PACES, lose=0.5)), **how)
    assert timed.x == plain.x
    assert [*plain.history, "clock", "staleness", "stalest"] == [*timed.history]
    assert (timed.history["staleness"] == 0).all()
