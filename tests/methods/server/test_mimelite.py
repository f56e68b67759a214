"""MimeLite mimics momentum: with one local step it is momentum, and its floor is known."""

from __future__ import annotations

import numpy as np
import pytest

import accord

H, C = np.array([1.0, 10.0]), np.array([0.0, 1.0])
TWO = accord.problems.quadratic(H=H, c=C)


def test_rounds_are_those_of_the_equations_written_out() -> None:
    a, beta, x, m = 0.02, 0.8, 0.0, 0.0
    for _ in range(4):
        y = np.full(2, x)
        for _ in range(3):
            y = y - a * ((1 - beta) * H * (y - C) + beta * m)
        x, m = y.mean(), (1 - beta) * (H * (x - C)).mean() + beta * m
    method = accord.MimeLite(accord.GradientDescent(steps=3, step_size=a), momentum=beta)
    run = accord.run(TWO, method, stop=accord.Stop(rounds=4, progress=0))
    assert float(run.x) == pytest.approx(x, abs=1e-14)


def test_it_stands_where_momentum_and_drift_balance() -> None:
    """At the fixed point m = ∇F(x) and mean_k Σ_j (1−(1−β)a h_k)^j ((1−β)h_k(x−c_k) + βm) = 0, linear in x."""
    a, beta, tau = 0.01, 0.9, 10
    b = (1 - beta) * a * H
    total = (1 - (1 - b) ** tau) / b  # Σ_j (1−b)^j
    left = (total * ((1 - beta) * H + beta * H.mean())).mean()
    right = (total * ((1 - beta) * H * C + beta * (H * C).mean())).mean()
    method = accord.MimeLite(accord.GradientDescent(steps=tau, step_size=a))
    run = accord.run(TWO, method, stop=accord.Stop(rounds=1500, progress=0))
    assert float(run.x) == pytest.approx(right / left, abs=1e-12)
    fedavg = accord.run(TWO, accord.FedAvg(method.local), stop=accord.Stop(rounds=1500, progress=0))
    assert abs(float(run.x) - 10 / 11) < 0.1 * abs(float(fedavg.x) - 10 / 11)
