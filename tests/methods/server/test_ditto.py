"""Ditto's personal models stand between the shared one and each client's own."""

from __future__ import annotations

import numpy as np
import pytest

import accord

H, C = np.array([1.0, 4.0, 2.0]), np.array([0.0, 1.0, 6.0])


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_personal_models_are_proximal_points_of_the_shared_one(penalty: float) -> None:
    """v_k = (h_k c_k + λ w)/(h_k + λ), and w is FedAvg's."""
    local = accord.GradientDescent(steps=5)
    problem, stop = accord.problems.quadratic(H, C), accord.Stop(rounds=400, progress=0)
    run = accord.run(problem, accord.Ditto(penalty, local), stop=stop)
    assert float(run.x) == pytest.approx(float(accord.run(problem, accord.FedAvg(local), stop=stop).x), abs=1e-13)
    np.testing.assert_allclose(run.agents, (H * C + penalty * run.x) / (H + penalty), rtol=0, atol=1e-12)
