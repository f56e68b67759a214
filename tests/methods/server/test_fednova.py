"""FedNova takes out what uneven local work puts in."""

from __future__ import annotations

import numpy as np
import pytest

import accord

STEPS = (2, 20)
SGD = accord.SGD(epochs=1, batch_size=1, step_size=1e-3)  # one step a row
LONG = accord.Stop(rounds=2500, progress=0)


def two() -> accord.Problem:
    """½x² and ½(x−1)², of two and of twenty equal rows, and of equal weight: the optimum is ½."""
    shards = [(np.ones((n, 1)), np.full(n, c)) for n, c in zip(STEPS, (0.0, 1.0), strict=True)]
    return accord.problems.least_squares(shards, weights=[1, 1])


def test_uneven_local_work_pulls_fedavg_aside_and_not_fednova() -> None:
    fedavg, fednova = (float(accord.run(two(), how(SGD), stop=LONG).x[0]) for how in (accord.FedAvg, accord.FedNova))
    assert fedavg == pytest.approx(0.908345, abs=1e-6)
    assert fednova == pytest.approx(0.497753, abs=1e-6)


def test_under_a_pull_the_steps_are_counted_by_what_is_left_of_them() -> None:
    """d_k = Σ_j (1−αm)^(τ−1−j) α g_j / ‖a_k‖₁: at the fixed point Σ p_k d_k = 0, in closed form for equal curvature."""
    m, a = 5.0, 0.1
    alpha = a / (1 + a * m)
    moved = np.array([(1 - (1 - alpha * (1 + m)) ** t) / (1 + m) for t in STEPS])  # x − y_k = moved · (x − c_k)
    weight = moved / np.array([(1 - (1 - alpha * m) ** t) / (alpha * m) for t in STEPS])
    local = accord.SGD(epochs=1, batch_size=1, step_size=a)
    run = accord.run(two(), accord.FedNova(local, penalty=m), stop=accord.Stop(rounds=300, progress=0))
    assert float(run.x[0]) == pytest.approx(weight[1] / weight.sum(), abs=1e-12)
