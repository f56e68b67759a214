"""A sweep is its runs, in one program."""

from __future__ import annotations

import numpy as np
import pytest

import accord
from accord.errors import MethodError, UnknownName

H, C = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 2.0, 6.0])
PROBLEM, RING, STOP = accord.problems.quadratic(H, C), accord.networks.ring(4), accord.Stop(rounds=200)
STEPS = [0.001, 0.02, 0.05, 5.0]


@pytest.fixture(scope="module")
def tried() -> accord.Sweep:
    return accord.sweep(PROBLEM, accord.GradientTracking, network=RING, stop=STOP, step_size=STEPS)


def test_every_run_of_a_sweep_is_the_run_by_itself(tried: accord.Sweep) -> None:
    assert [values["step_size"] for values in tried.values] == STEPS
    for a, swept in zip(STEPS, tried, strict=True):
        alone = accord.run(PROBLEM, accord.GradientTracking(a), network=RING, stop=STOP)
        assert (swept.rounds, swept.converged, swept.reason) == (alone.rounds, alone.converged, alone.reason)
        assert swept.facts == alone.facts
        numbers = [run.history.drop(columns="seconds").to_numpy() for run in (swept, alone)]
        np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(swept.x, alone.x, rtol=1e-12)


def test_the_best_is_the_lowest_and_of_those_as_low_the_soonest(tried: accord.Sweep) -> None:
    assert [run.reason.split()[0] for run in tried] == ["stopped", "converged:", "converged:", "diverged:"]
    assert tried.best_values == {"step_size": 0.05}
    assert tried.best is tried[2]
    assert tried[2].rounds < tried[1].rounds
    assert "4 runs (4 of step_size), of which 2 converged. Best is step_size 0.05" in str(tried)
    assert tried.table()["rounds"].tolist() == [run.rounds for run in tried]
    assert "rounds" in [axes.get_xlabel() for axes in tried.plot().axes]


def test_whole_numbers_make_a_program_each_and_combine_with_others() -> None:
    method, stop = accord.FedAvg(accord.GradientDescent()), accord.Stop(rounds=20)
    tried = accord.sweep(PROBLEM, method, stop=stop, steps=[1, 4], step_size=[0.02, 0.05])
    assert [tuple(values.values()) for values in tried.values] == [(1, 0.02), (1, 0.05), (4, 0.02), (4, 0.05)]
    contracted = 1 - (1 - 0.05 * H) ** 4
    x = 0.0
    for _ in range(20):
        x += float(np.mean(contracted * (C - x)))
    np.testing.assert_allclose(tried[3].x, x, rtol=1e-12)


def test_a_shared_constraint_is_met_by_the_best() -> None:
    market = accord.problems.dispatch([1.0, 2.0], [0.0, 0.0], [0.0, 0.0], None, None, demand=3.0)
    tried = accord.sweep(market, accord.DualDecomposition(), stop=accord.Stop(rounds=100), step_size=[1e-3, 0.3])
    assert tried.best_values == {"step_size": 0.3}
    np.testing.assert_allclose(tried.best.x.ravel(), [2.0, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"stepsize": [0.1]}, UnknownName, "hyper-parameter of FedAvg is called 'stepsize'. Did you mean 'step_size'"),
        ({"step_size": 0.1}, MethodError, r"step_size=0.1: give a list of values to try"),
        ({"step_size": []}, MethodError, r"step_size=\[\]: give a list"),
        ({}, MethodError, "sweep needs something to try"),
        ({"local.step_size": [0.1, -1.0]}, MethodError, "GradientDescent has step_size=-1.0"),
    ],
)
def test_what_cannot_be_tried_is_refused(given: dict, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        accord.sweep(PROBLEM, accord.FedAvg(accord.GradientDescent()), **given)


def test_where_all_diverge_there_is_no_best() -> None:
    tried = accord.sweep(PROBLEM, accord.FedSGD(), stop=accord.Stop(rounds=100), step_size=[1e4, 1e6])
    with pytest.raises(MethodError, match="All 2 runs diverged"):
        _ = tried.best
    assert str(tried) == "2 runs (2 of step_size), all of which diverged."
