"""Costs with flat parts: the answers jump between bounds, and their average settles."""

from __future__ import annotations

import numpy as np
import pytest

import accord

PLANTS = accord.problems.dispatch([0, 0, 0], [10, 20, 30], 0, lower=0, upper=[40, 40, 40], demand=60)


def test_a_linear_programme_is_met_by_the_average() -> None:
    """The cheapest first: 40 at 10, and 20 of the 40 that could be had at 20, which is the price."""
    run = accord.run(PLANTS, accord.DualSubgradient(step_size=1.0), stop=accord.Stop(rounds=16000, progress=0))
    np.testing.assert_allclose(run.x.ravel(), [40, 20, 0], atol=0.5)
    assert run.prices[0] == pytest.approx(20, abs=0.3)
    last = run.history.iloc[-1]
    assert last["dual_value"] <= 800 + 1e-9
    assert last["dual_value"] == pytest.approx(800, abs=12)


def test_the_violation_of_the_average_falls_with_the_root_of_the_rounds() -> None:
    """|Σ A x̄ − b| is |λ_t − λ_s| / Σ a/√i over the rounds from s to t: at most 2 max|λ| / (a (√t − √s))."""
    for rounds in (1000, 4000, 16000):
        run = accord.run(PLANTS, accord.DualSubgradient(step_size=1.0), stop=accord.Stop(rounds=rounds, progress=0))
        start = 2 ** int(np.log2(rounds)) / 2
        assert run.history["violation"].iloc[-1] <= 2 * 30 / (2 * (np.sqrt(rounds) - np.sqrt(start)))
