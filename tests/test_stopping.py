"""When a run ends, and the sentence that says why: progress AND agreement, a floor, divergence, a limit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accord
from accord.errors import MethodError
from accord.problems import dispatch, quadratic
from accord.stopping import CONVERGED, FLOOR, GOING, GROWING, NOT_FINITE, PARTING, Stop, Watch, sentence

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
RING = accord.networks.ring(4)


@cache
def compiled() -> Any:
    def step(watch: Watch, F: jax.Array, V: jax.Array) -> tuple[Watch, jax.Array]:
        watch = watch.see(F, V)
        return watch, watch.verdict()

    return jax.jit(step)


def watched(stop: Stop, F: Sequence[float], V: Sequence[float], every: int = 1) -> tuple[list[int], Watch]:
    """The verdict after each record, and the watch at the end."""
    verdicts = []
    with jax.enable_x64(True):
        watch = stop.watch(every, jnp.float64)
        for objective, disagreement in zip(F, V, strict=True):
            watch, verdict = compiled()(watch, np.float64(objective), np.float64(disagreement))
            verdicts.append(int(verdict))
    return verdicts, watch


STOP = Stop(progress=0.1, agreement=0.01, window=4)
STILL, MOVING = [1.0] * 8, [8.0 - t for t in range(8)]
AGREED, FALLING, APART = [0.001] * 8, [2.0**-t for t in range(8)], [0.5] * 8


def test_converged_only_when_progress_and_agreement_both_hold() -> None:
    assert watched(STOP, STILL, AGREED)[0] == [GOING] * 4 + [CONVERGED] * 4
    assert watched(STOP, MOVING, AGREED)[0] == [GOING] * 8
    assert watched(STOP, STILL, FALLING)[0] == [GOING] * 7 + [CONVERGED]  # 2⁻⁷ is the first below 0.01


def test_no_progress_while_agents_stay_apart_is_a_floor_and_its_height_is_told() -> None:
    verdicts, watch = watched(STOP, STILL, APART)
    assert verdicts == [GOING] * 4 + [FLOOR] * 4
    told = sentence(FLOOR, watch)
    assert told.startswith("stands on a floor: over 4 rounds the objective moved 0.0e+00 a round")
    assert "the agents disagree by 5.0e-01" in told


def test_a_disagreement_that_still_falls_is_no_floor() -> None:
    assert watched(STOP, STILL, [0.99**t for t in range(8)])[0] == [GOING] * 8


def test_progress_is_the_average_over_the_window_not_the_last_change() -> None:
    """A turning point: two records that hardly differ, amid a fall."""
    turning = [8.0, 6.0, 4.0, 2.0, 2.0, 0.0, -2.0, -4.0]
    assert watched(STOP, turning, AGREED)[0] == [GOING] * 8


def test_the_window_counts_rounds_however_often_they_are_recorded() -> None:
    assert (
        watched(Stop(progress=0.1, agreement=1, window=6), STILL, AGREED, every=3)[0] == [GOING] * 2 + [CONVERGED] * 6
    )
    a_round = [1.0 - 0.05 * 3 * t for t in range(8)]  # 0.05 a round, 0.15 a record
    assert watched(Stop(progress=0.06, agreement=1, window=6), a_round, AGREED, every=3)[0][-1] == CONVERGED
    assert watched(Stop(progress=0.04, agreement=1, window=6), a_round, AGREED, every=3)[0][-1] == GOING


@given(
    st.lists(st.floats(-1, 1), min_size=8, max_size=8),
    st.lists(st.floats(0, 0.02), min_size=8, max_size=8),
)
def test_converged_is_what_the_docstring_says(F: list[float], V: list[float]) -> None:
    expected = [t >= 4 and abs(F[t - 4] - F[t]) / 4 <= 0.1 and V[t] <= 0.01 for t in range(8)]
    assert [verdict == CONVERGED for verdict in watched(STOP, F, V)[0]] == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_ends_the_run_at_once(bad: float) -> None:
    assert watched(STOP, [1.0, bad], [0.0, 0.0])[0] == [GOING, NOT_FINITE]
    assert watched(STOP, [1.0, 1.0], [0.0, bad])[0] == [GOING, NOT_FINITE]


def test_growth_through_a_window_is_divergence() -> None:
    verdicts, watch = watched(STOP, [10.0**t for t in range(8)], STILL)
    assert verdicts == [GOING] * 4 + [GROWING] * 4
    assert sentence(GROWING, watch) == "diverged: the objective grew through 4 rounds, to 1e+07"


def test_agents_that_drift_apart_diverge_though_their_mean_stands_still() -> None:
    verdicts, watch = watched(STOP, STILL * 3, [2.0**t for t in range(24)])
    assert PARTING not in verdicts[:24]
    verdicts, watch = watched(STOP, STILL * 4, [2.0**t for t in range(32)])
    assert verdicts.index(PARTING) == 24  # a million times 2⁴, where the first window ends
    assert sentence(PARTING, watch).startswith("diverged: the agents disagree by 2.1e+09, more at each record")


def test_a_cost_that_rises_to_its_plateau_has_not_diverged() -> None:
    rising = [1e6 * (1 - 0.8**t) for t in range(8)]
    assert watched(STOP, rising, FALLING)[0] == [GOING] * 8


def test_no_fixed_cost_is_no_divergence() -> None:
    """Prices rise from nothing, and the cost with them, from 0 to thousands."""
    market = dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [0, 0, 0], 0, 500, 800)
    run = accord.run(market, accord.DualDecomposition(0.001), stop=Stop(rounds=500))
    assert run.converged, run.reason
    assert run.prices[0] == pytest.approx(8.5, abs=1e-8)


def test_gradient_tracking_converges_and_says_so_in_numbers() -> None:
    run = accord.run(quadratic(H, C), accord.GradientTracking(), network=RING)
    last = run.history.iloc[-1]
    assert run.converged
    assert run.reason.startswith("converged: over 10 rounds the objective moved ")
    assert abs(last["progress"]) <= 1e-8
    assert last["disagreement"] <= 1e-8
    assert last["objective"] - H @ (H @ C / H.sum() - C) ** 2 / 8 < 1e-7


def test_a_constant_step_among_different_agents_stands_on_a_floor_of_known_height() -> None:
    """(I − W + aH) x = aHc: what agents disagree by at the fixed point of DGD."""
    run = accord.run(quadratic(H, C), accord.DGD(0.05), network=RING)
    x = np.linalg.solve(np.eye(4) - RING.W + 0.05 * np.diag(H), 0.05 * H * C)
    assert not run.converged
    assert run.reason.startswith("stands on a floor")
    assert f"disagree by {np.var(x):.1e}" in run.reason


def test_a_naive_rule_would_stop_too_early_on_what_agents_have_not_agreed_on() -> None:
    """The objective at the mean never moves under averaging: the last change is small from the first round on."""
    run = accord.run(quadratic(H, C), accord.AverageConsensus(), network=RING, record=1)
    objective, disagreement = run.history["objective"].to_numpy(), run.history["disagreement"].to_numpy()
    naive = int(np.argmax(np.abs(np.diff(objective)) <= 1e-10)) + 1  # a hundred times as strict
    assert naive == 1
    assert disagreement[naive] > 0.1
    assert run.converged
    assert disagreement[-1] <= 1e-8


@pytest.mark.parametrize("rounds", [0, 1, 7, 25])
def test_the_limit_of_rounds_is_kept_exactly(rounds: int) -> None:
    run = accord.run(quadratic(H, C), accord.DGD(), network=RING, stop=Stop(rounds=rounds, progress=0))
    assert run.rounds == run.history["round"].iloc[-1] == rounds
    assert run.reason == f"stopped at its limit of {rounds} rounds"
    assert not run.converged


def test_the_limit_of_seconds_is_looked_at_between_blocks() -> None:
    run = accord.run(quadratic(H, C), accord.DGD(), network=RING, stop=Stop(rounds=10**6, progress=0, seconds=0))
    assert run.reason == "stopped at its limit of 0 seconds"
    assert 0 < run.rounds < 10**6


@pytest.mark.parametrize("rounds", [52, 58, 60, 61])
def test_a_limit_near_the_round_of_convergence_is_told_as_it_is(rounds: int) -> None:
    """Records come every ten rounds: 60 is the first to show convergence, 52 and 58 would through a shorter window."""
    stop = Stop(rounds=rounds, progress=1e-3, agreement=1e-3)
    run = accord.run(quadratic(H, C), accord.GradientTracking(), network=RING, stop=stop)
    assert run.converged == run.reason.startswith("converged") == (rounds >= 60)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"rounds": -1}, "Stop(rounds=-1)"),
        ({"rounds": 2.5}, "Stop(rounds=2.5)"),
        ({"window": 0}, "at least 1"),
        ({"progress": -1e-8}, "Stop(progress=-1e-08)"),
        ({"agreement": float("nan")}, "Stop(agreement=nan)"),
        ({"seconds": -1}, "Stop(seconds=-1)"),
        ({"rounds": float("inf")}, "Stop(rounds=inf)"),
        ({"rounds": float("nan")}, "Stop(rounds=nan)"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(how: dict[str, float], said: str) -> None:
    with pytest.raises(MethodError) as refused:
        Stop(**how)  # pyright: ignore[reportArgumentType]
    assert said in str(refused.value)
