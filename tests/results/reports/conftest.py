"""One small run of each pattern, shared by the tests of reports."""

from __future__ import annotations

import pytest

import accord
from accord.results.run import Run

NAMES = ["near", "far & <away>", "middle"]


@pytest.fixture(scope="session")
def problem() -> accord.Problem:
    return accord.problems.quadratic(H=[1.0, 2.0, 4.0], c=[0.0, 3.0, 1.0], names=NAMES)


@pytest.fixture(scope="session")
def server(problem: accord.Problem) -> Run:
    """Agents that hold what was broadcast, and so never disagree."""
    return accord.run(problem, accord.FedSGD(0.2), stop=accord.Stop(rounds=60))


@pytest.fixture(scope="session")
def peers(problem: accord.Problem) -> Run:
    return accord.run(problem, accord.DGD(0.1), network=accord.networks.path(3), record=1, stop=accord.Stop(rounds=25))


@pytest.fixture(scope="session")
def market() -> Run:
    dispatch = accord.problems.dispatch(
        [0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, demand=800.0
    )
    return accord.run(dispatch, accord.DualDecomposition(), record=1, stop=accord.Stop(rounds=60))
