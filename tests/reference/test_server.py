"""Server methods where their answers are known in closed form: quadratics f_k = ½(x−c_k)ᵀH_k(x−c_k)."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.problems import quadratic

LONG = accord.Stop(rounds=2000, progress=0)


def local(steps: int, step_size: float) -> accord.GradientDescent:
    return accord.GradientDescent(steps=steps, step_size=step_size)


def test_fedavg_stands_at_its_known_fixed_point() -> None:
    problem = quadratic(H=[1.0, 10.0], c=[0.0, 1.0])
    run = accord.run(problem, accord.FedAvg(local(10, 0.05)), stop=LONG)
    assert run.x == pytest.approx(0.713442170, abs=5e-10)
    assert run.x == pytest.approx(fedavg_fixed_point(np.array([1.0, 10.0]), np.array([0.0, 1.0]), 0.05, 10), abs=1e-12)


@pytest.mark.parametrize(("step_size", "steps"), [(0.05, 1), (0.05, 10), (0.001, 10)])
def test_fedavg_stands_where_unequal_weights_put_it(step_size: float, steps: int) -> None:
    """Σ p_k a_k c_k / Σ p_k a_k with a_k = 1 − (1 − a h_k)^τ; one local step makes it the optimum."""
    h, c, p = np.array([1.0, 10.0]), np.array([-3.0, 1.0]), np.array([0.2, 0.8])
    run = accord.run(quadratic(h, c, weights=p), accord.FedAvg(local(steps, step_size)), stop=LONG)
    assert run.x == pytest.approx(fedavg_fixed_point(h, c, step_size, steps, p), abs=1e-12)
    assert (run.x == pytest.approx(p * h @ c / (p @ h), abs=1e-12)) == (steps == 1)


def test_the_floor_of_fedavg_is_reported_with_its_height() -> None:
    """On the floor the proposals are x + a_k (c_k − x): their variance is known, and is the height."""
    h, c = np.array([1.0, 10.0]), np.array([0.0, 1.0])
    run = accord.run(quadratic(h, c), accord.FedAvg(local(10, 0.05)), stop=accord.Stop(rounds=2000))
    proposals = run.x + (1 - (1 - 0.05 * h) ** 10) * (c - run.x)
    height = np.var(proposals)
    assert not run.converged
    assert run.reason.startswith("stands on a floor")
    assert f"disagree by {height:.1e}" in run.reason
    np.testing.assert_allclose(run.agents, proposals, rtol=1e-12)


def test_momentum_on_the_server_is_the_heavy_ball_of_hsu() -> None:
    """v = βv + Δ, x⁺ = x + ηv, with Δ = Σ p_k a_k (c_k − x)."""
    h, c, p = np.array([1.0, 10.0]), np.array([-3.0, 1.0]), np.array([0.2, 0.8])
    method = accord.FedAvgM(step_size=0.3, momentum=0.8, local=local(3, 0.05))
    run = accord.run(quadratic(h, c, weights=p), method, stop=accord.Stop(rounds=12, progress=0))
    x, v, pull = 0.0, 0.0, p * (1 - (1 - 0.05 * h) ** 3)
    for _ in range(12):
        v = 0.8 * v + pull @ (c - x)
        x = x + 0.3 * v
    assert run.x == pytest.approx(x, rel=1e-12)


def test_gradient_descent_contracts_by_one_minus_mu_over_L() -> None:
    """The error along the least curved direction, after any number of rounds."""
    H, c = np.array([[1.0, 10.0], [1.0, 10.0]]), np.array([[3.0, -1.0], [5.0, 2.0]])
    for rounds in (1, 7, 40):
        run = accord.run(quadratic(H, c), accord.FedSGD(), stop=accord.Stop(rounds=rounds, progress=0))
        np.testing.assert_allclose(run.x, c.mean(0) * [1 - (1 - 1 / 10) ** rounds, 1], rtol=1e-12)


@pytest.mark.parametrize(("part", "stable"), [(0.99, True), (1.01, False)])
def test_gradient_descent_is_stable_below_two_over_L(part: float, stable: bool) -> None:
    """The error oscillates by |1 − aL|: 0.98 or 1.02 a round."""
    H, c = np.array([[1.0, 10.0], [1.0, 10.0]]), np.array([[3.0, -1.0], [5.0, 2.0]])
    run = accord.run(quadratic(H, c), accord.FedSGD(step_size=part * 2 / 10), stop=LONG)
    assert ("diverged" in run.reason) == (not stable)
    assert (np.abs(run.x - c.mean(0)).max() < 1e-9) == stable


def fedavg_fixed_point(h: np.ndarray, c: np.ndarray, a: float, steps: int, p: np.ndarray | float = 1.0) -> float:
    pull = p * (1 - (1 - a * h) ** steps)
    return float(pull @ c / pull.sum())
