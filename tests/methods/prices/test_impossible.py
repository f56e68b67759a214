"""What no prices can settle is recognised: by a proof, or by the agent's name, and not by a time-out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.problems import Coupled, dispatch
from accord.problems.objectives import Quadratic

METHODS = [accord.DualDecomposition(), accord.ADAL(), accord.TrackingADMM()]


def solve(problem: Coupled, method: Any, **how: Any) -> accord.Run:
    network = accord.networks.path(problem.K) if isinstance(method, accord.TrackingADMM) else None
    return accord.run(problem, method, network=network, **how)


@pytest.mark.parametrize("demand", [826.0, 1024.0])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_fault_17_a_demand_just_beyond_the_limits_of_all(method: Any, demand: float) -> None:
    """They reach 450 to 1025: 826 and 1024 can be met, 1026 cannot, and the bound on the cost says so at once."""
    limits = [200, 150, 100], [450, 350, 225]
    market = dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], 0, *limits, demand)
    assert "limit" in (run := solve(market, method, stop=accord.Stop(rounds=300, progress=0))).reason
    assert np.isfinite(run.history["dual_value"]).all()
    run = solve(dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], 0, *limits, 1026.0), method)
    assert run.reason.startswith("cannot go on: no decisions within the agents' bounds meet the shared constraint")
    assert not run.converged
    assert run.rounds <= 100
    assert run.history["dual_value"].iloc[-1] == np.inf


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_fault_17_rows_that_contradict_each_other(method: Any) -> None:
    """Without bounds: Σ x = 1 and Σ 2x = 3. The ray of prices (−2, 1) costs nothing and gains 1."""
    rows = [(np.ones((1, 2)), np.full((1, 2), c)) for c in (1.0, 2.0, 6.0)]
    run = solve(Coupled(Quadratic(), rows, np.array([[[1.0, 0.0], [2.0, 0.0]]] * 3), [1.0, 3.0]), method)
    assert "the dual rises without end" in run.reason
    assert run.rounds <= 100


def test_fault_17_a_cap_that_is_below_the_least_of_all() -> None:
    rows = [(np.ones((1, 1)), np.full((1, 1), c)) for c in (1.0, 2.0, 6.0)]
    capped = Coupled(Quadratic(), rows, [1.0] * 3, 2.9, sense="<=", lower=1.0)
    for method in (accord.DualDecomposition(), accord.SharingADMM()):
        assert "the dual rises without end" in solve(capped, method).reason
