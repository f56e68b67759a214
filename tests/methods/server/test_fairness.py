"""Fairness among clients: the known optima, their multipliers, and the conditions of Karush, Kuhn and Tucker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord

THREE = accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0])
RANDOM = np.random.default_rng(1)
TURNS = np.linalg.qr(RANDOM.normal(size=(4, 2, 2)))[0]
H = TURNS @ (RANDOM.uniform(0.2, 2, (4, 2, 1)) * np.swapaxes(TURNS, 1, 2))
C, P = RANDOM.normal(size=(4, 2)) * 2, np.array([0.4, 0.3, 0.2, 0.1])
FOUR = accord.problems.quadratic(H, C, weights=P)


def long(problem: accord.Problem, method: Any, rounds: int = 600, **how: Any) -> accord.Run:
    return accord.run(problem, method, stop=accord.Stop(rounds=rounds, progress=0), **how)


def slopes(x: np.ndarray) -> np.ndarray:
    return np.einsum("kij,kj->ki", H, x - C)


def test_qffl_one_stands_at_three_over_one_plus_the_cube_root_of_two() -> None:
    assert float(long(THREE, accord.QFFL(q=1.0)).x) == pytest.approx(3 / (1 + 2 ** (1 / 3)), abs=1e-9)
    assert float(long(THREE, accord.QFFL(q=1.0)).x) == pytest.approx(1.327480002, abs=1e-9)


def test_qffl_zero_is_gradient_descent() -> None:
    one, other = (long(THREE, method, 7) for method in (accord.QFFL(q=0.0), accord.FedSGD()))
    assert float(one.x) == pytest.approx(float(other.x), abs=1e-14)


def test_qffl_makes_the_weighted_sum_of_powers_stationary() -> None:
    run = long(FOUR, accord.QFFL(q=2.0), 1500)
    assert np.abs((P * run.losses**2) @ slopes(run.x)).max() < 1e-9 * (P * run.losses**2).sum()


def test_minimax_has_equal_losses_and_the_mixture_that_bears_them() -> None:
    run = long(THREE, accord.AgnosticMinimax())
    assert float(run.x) == pytest.approx(1.5, abs=1e-9)
    assert run.prices is not None
    assert run.prices[2] == pytest.approx(0.5, abs=1e-9)
    assert run.prices.sum() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(run.losses, 1.125, rtol=0, atol=1e-9)


def test_minimax_mixes_clients_that_lose_most_and_balances_their_slopes() -> None:
    """No loss is over the level, only those at it count, and the mixture of slopes vanishes: the saddle, in 2-D."""
    run = long(FOUR, accord.AgnosticMinimax(), 3000)
    assert run.prices is not None
    assert np.abs(run.prices @ slopes(run.x)).max() < 1e-9
    assert (run.prices * (run.losses.max() - run.losses)).max() < 1e-9
    assert run.prices.min() >= 0
    assert run.prices.sum() == pytest.approx(1, abs=1e-9)


def test_a_cap_of_1_28_binds_for_the_third_client_at_a_price_of_a_quarter() -> None:
    run = long(THREE, accord.LossCaps(cap=1.28))
    assert float(run.x) == pytest.approx(1.4, abs=1e-9)
    np.testing.assert_allclose(run.prices, [0, 0, 0.25], rtol=0, atol=1e-9)
    np.testing.assert_allclose(run.losses, [0.98, 0.98, 1.28], rtol=0, atol=1e-9)


def test_the_price_of_a_cap_is_what_a_looser_one_would_save() -> None:
    """λ = −dF*/dc, by central differences of the optimal F, with unequal weights and matrices."""
    free = long(FOUR, accord.LossCaps())
    np.testing.assert_allclose(free.x, FOUR.solve(), rtol=0, atol=1e-9)
    cap, small = 0.9 * free.worst, 1e-4
    tight, at, loose = (long(FOUR, accord.LossCaps(cap=c), 2000) for c in (cap - small, cap, cap + small))
    assert at.prices is not None
    assert at.losses.max() == pytest.approx(cap, abs=1e-9)
    assert np.abs((P + at.prices) @ slopes(at.x)).max() < 1e-9
    saved = (P @ tight.losses - P @ loose.losses) / (2 * small)
    assert at.prices.sum() == pytest.approx(saved, rel=1e-6)
    assert saved > 0.01


def test_climb_caps_the_excess_over_the_mean() -> None:
    """F = ½x² − x + 1.5 and f₃ = ½x² − 3x + 4.5, so f₃ − F = 3 − 2x = 0.3 at 1.35; there F' = 0.35 = 2 λ₃."""
    run = long(THREE, accord.CLIMB(excess=0.3))
    assert float(run.x) == pytest.approx(1.35, abs=1e-9)
    np.testing.assert_allclose(run.prices, [0, 0, 0.175], rtol=0, atol=1e-9)


def test_climb_meets_the_conditions_of_a_minimum_under_its_caps() -> None:
    free = long(FOUR, accord.CLIMB())
    excess = 0.7 * (free.worst - P @ free.losses)
    run = long(FOUR, accord.CLIMB(excess=excess), 3000)
    over = run.losses - P @ run.losses - excess
    assert run.prices is not None
    assert np.abs((P + run.prices - P * run.prices.sum()) @ slopes(run.x)).max() < 1e-9
    assert over.max() < 1e-9
    assert np.abs(run.prices * over).max() < 1e-9
    assert run.prices.max() > 0.01


def test_prices_are_the_same_in_every_runtime() -> None:
    method, places = accord.LossCaps(cap=1.0), (None, accord.runtimes.Threads())
    one, other = (long(FOUR, method, 20, runtime=where) for where in places)
    np.testing.assert_allclose(one.prices, other.prices, rtol=1e-12, atol=1e-12)
    assert one.prices is not None
    assert one.prices.shape == (4,)
