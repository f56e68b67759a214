"""The network lasso of two agents: min x₁² + |x₂ + 3| + (x₁ − x₂)², x = (−½, −1), where it is 2.5."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.problems.regularizers import L1

OWN, APART = np.diag([4.0, 0.0]), 4 * np.array([[1.0, -1.0], [-1.0, 1.0]])
SHIFTED = accord.problems.quadratic(np.stack([OWN, APART]), np.array([[0.0, 0.0], [-3.0, 0.0]]))
"""In y = (x₁, x₂ + 3): F is the mean of 2y₁² and 2(y₁ − y₂ + 3)², each of an agent, and |y₂| is the term."""


@pytest.mark.parametrize(
    "method",
    [accord.ConsensusADMM(), accord.FedSGD(), accord.NIDS(), accord.EXTRA()],
    ids=lambda method: type(method).__name__,
)
def test_it_stands_at_the_known_answer(method: Any) -> None:
    problem = accord.Problem(SHIFTED.loss, SHIFTED.shards, regularizer=L1(np.array([0.0, 1.0])), x0=np.zeros(2))
    network = None if hasattr(method, "broadcast") else accord.networks.path(2)
    run = accord.run(problem, method, network=network, stop=accord.Stop(rounds=1500, progress=0))
    np.testing.assert_allclose(run.agents, [[-0.5, 2.0]] * 2, rtol=0, atol=1e-9)
    assert run.history["objective"].iloc[-1] == pytest.approx(2.5, abs=1e-9)
