"""When a run ends, and why: progress AND agreement AND rest, a floor, divergence, a limit; in any units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import accord
from accord.core.status import Ending, Status
from accord.core.stop_monitor import GOING, Seen, StopMonitor
from accord.core.stopping import Stop
from accord.core.verdict import ending, verdict
from accord.errors import MethodError
from accord.problems import dispatch, quadratic

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
RING = accord.networks.ring(4)


@cache
def compiled() -> Any:
    def step(watch: StopMonitor, seen: Seen, step: jax.Array, every: jax.Array) -> tuple[StopMonitor, jax.Array]:
        watch = watch.update(seen)
        return watch.went(every * step**2, every.astype(jnp.int32)), verdict(watch)

    return jax.jit(step)


def watched(
    stop: Stop, F: Sequence[float], V: Sequence[float], steps: Sequence[float] = (), every: int = 1, floor: bool = False
) -> tuple[list[Status | int], StopMonitor]:
    """The verdict after each record, and the watch at the end; agents that stand 1 away from x0, at (0)."""
    steps, verdicts = steps or [2.0**-t for t in range(len(F))], []
    with jax.enable_x64(True):
        watch = stop.watch(np.zeros(1), floor=floor)
        for t, (objective, spread, step) in enumerate(zip(F, V, steps, strict=True)):
            seen = Seen(*map(np.float64, (objective, spread, np.nan, float(t > 0))))
            watch, verdict = compiled()(watch, seen, np.float64(step), np.float64(every))
            verdicts.append(next((s for s in Status if s.number == int(verdict)), GOING))
    return verdicts, watch


STOP = Stop(progress=0.01, agreement=0.01, window=2)
FALLING = [4.0**-t for t in range(16)]  # a window of two records lowers it by the factor 16
AGREED, APART = [0.001] * 16, [0.5] * 16


def first(verdicts: list[Status | int], status: Status) -> int:
    return verdicts.index(status)


def test_converged_only_when_progress_and_agreement_and_rest_hold_together() -> None:
    """Four windows of two rounds are the least: what is left is then 4⁻⁸/(1 − 1/16) of the way, far below 1 %."""
    assert watched(STOP, FALLING, AGREED)[0][:9] == [GOING] * 8 + [Status.CONVERGED]
    assert first(watched(STOP, FALLING, [0.5] * 11 + [0.001] * 5)[0], Status.CONVERGED) == 12
    moving = [1.0] * 11 + [0.01] * 5
    assert first(watched(STOP, FALLING, AGREED, moving)[0], Status.CONVERGED) == 14
    assert Status.CONVERGED not in watched(STOP, [16.0 - t for t in range(16)], AGREED)[0]


@pytest.mark.parametrize("every", [1, 2])
def test_windows_count_rounds_however_often_they_are_recorded(every: int) -> None:
    verdicts = watched(STOP, FALLING[::every], AGREED[::every], [2.0**-t for t in range(0, 16, every)], every)[0]
    assert first(verdicts, Status.CONVERGED) * every == 8


@given(st.floats(0.1, 0.95), st.floats(-20, 20), st.integers(-60, 60))
@settings(max_examples=30, deadline=None)
def test_of_a_series_that_falls_geometrically_what_is_left_is_found_exactly(rate: float, end: float, k: int) -> None:
    """F(t) = F* + rateᵗ: the last three estimates, of which the first and largest is rate⁶ / (1 − rate⁸)."""
    F = [2.0**k * (end + rate**t) for t in range(9)]
    _, watch = watched(STOP, F, AGREED[:9])
    left = ending(watch, Status.CONVERGED.number).left
    assert left == pytest.approx(rate**4 / (1 - rate**8), rel=1e-6)


def test_a_fall_that_does_not_slow_down_has_all_its_way_to_go() -> None:
    for F in ([16.0 - t for t in range(16)], [1 / (1 + t) for t in range(16)]):
        assert Status.CONVERGED not in watched(Stop(progress=1e-3, agreement=1, window=2), F, AGREED)[0]


def test_a_turning_point_is_no_end() -> None:
    """Two records that hardly differ, amid a fall."""
    turning = [16.0, 14, 12, 10, 8, 6, 4, 2, 2, 2, 0, -2, -4, -6, -8, -10]
    assert Status.CONVERGED not in watched(STOP, turning, AGREED)[0]


def test_no_progress_while_agents_stay_apart_is_a_floor_only_where_there_is_one() -> None:
    verdicts, watch = watched(STOP, FALLING, APART, floor=True)
    assert first(verdicts, Status.FLOOR) == 8
    told = str(ending(watch, Status.FLOOR.number))
    assert told.startswith("stands on a floor: the objective has ")
    assert "the agents disagree by 5.0e-01" in told
    assert set(watched(STOP, FALLING, APART)[0]) == {GOING}


def test_a_disagreement_that_still_falls_is_no_floor() -> None:
    assert set(watched(STOP, FALLING, [0.99**t for t in range(16)], floor=True)[0]) == {GOING}


def test_absolute_limits_are_in_the_units_of_the_problem() -> None:
    stop = Stop(progress=0.06, agreement=0.01, window=2, absolute=True)
    still = [1.0 - 0.05 * t for t in range(16)]
    assert first(watched(stop, still, AGREED)[0], Status.CONVERGED) == 4
    assert Status.CONVERGED not in watched(stop, [2 * F for F in still], AGREED)[0]
    assert Status.CONVERGED not in watched(stop, still, [20 * V for V in AGREED])[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_ends_the_run_at_once(bad: float) -> None:
    assert watched(STOP, [1.0, bad], [0.0, 0.0])[0] == [GOING, Status.NOT_FINITE]
    assert watched(STOP, [1.0, 1.0], [0.0, bad])[0] == [GOING, Status.NOT_FINITE]
    assert watched(STOP, [bad], [0.0])[0] == [Status.NOT_FINITE]


def test_growth_through_the_windows_is_divergence() -> None:
    verdicts, watch = watched(STOP, [10.0**t for t in range(16)], AGREED)
    assert first(verdicts, Status.OBJECTIVE_GROWS) == 8
    said = str(ending(watch, Status.OBJECTIVE_GROWS.number))
    assert said == "diverged: the objective grew through 8 rounds, to 1e+15"


def test_agents_that_drift_apart_diverge_though_their_mean_stands_still() -> None:
    verdicts, watch = watched(STOP, [1.0] * 32, [2.0**t for t in range(32)], [1.0] * 32)
    assert first(verdicts, Status.DISAGREEMENT_GROWS) == 22  # a million times 2², where the first window ends
    assert str(ending(watch, Status.DISAGREEMENT_GROWS.number)).startswith("diverged: the agents disagree by 2.1e+09")


def test_a_cost_that_rises_to_its_plateau_has_not_diverged() -> None:
    rising = [1e6 * (1 - 0.8**t) for t in range(16)]
    assert not {Status.OBJECTIVE_GROWS, Status.DISAGREEMENT_GROWS} & set(watched(STOP, rising, FALLING)[0])


def test_a_window_lasts_until_the_slowest_was_heard() -> None:
    with jax.enable_x64(True):
        watch = STOP.watch(np.zeros(1))
        for t in range(9):
            watch = watch.update(Seen(*map(np.float64, (1.0, 0.0, np.nan, 1.0))), t - t % 5).went(0.0, 1)
            assert int(watch.counts[-1]) == (t >= 5)  # the slowest is heard at 5 for the first time


def test_no_fixed_cost_is_no_divergence() -> None:
    """Prices rise from nothing, and the cost with them, from 0 to thousands."""
    market = dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [0, 0, 0], 0, 500, 800)
    run = accord.run(market, accord.DualDecomposition(0.001), stop=Stop(rounds=500))
    assert run.converged, run.reason
    assert run.prices[0] == pytest.approx(8.5, abs=1e-5)


def test_gradient_tracking_converges_and_says_so_in_numbers() -> None:
    run = accord.run(quadratic(H, C), accord.GradientTracking(), network=RING)
    last = run.history.iloc[-1]
    assert run.converged
    assert run.status is Status.CONVERGED
    assert run.reason.startswith("converged: the objective has ")
    first, best = run.history["objective"].iloc[0], H @ (H @ C / H.sum() - C) ** 2 / 8
    assert last["objective"] - best < 1e-8 * (first - best)


def test_a_constant_step_among_different_agents_stands_on_a_floor_of_known_height() -> None:
    """(I − W + aH) x = aHc: what agents disagree by at the fixed point of DGD."""
    run = accord.run(quadratic(H, C), accord.DGD(0.05), network=RING, stop=Stop(progress=1e-12))
    x = np.linalg.solve(np.eye(4) - RING.W + 0.05 * np.diag(H), 0.05 * H * C)
    assert not run.converged
    assert run.status is Status.FLOOR
    assert f"disagree by {np.var(x):.1e}" in run.reason


def test_a_naive_rule_would_stop_too_early_on_what_agents_have_not_agreed_on() -> None:
    """The objective at the mean never moves under averaging: the last change is small from the first round on."""
    run = accord.run(quadratic(H, C), accord.AverageConsensus(), network=RING, record=1)
    objective, disagreement = run.history["objective"].to_numpy(), run.history["disagreement"].to_numpy()
    naive = int(np.argmax(np.abs(np.diff(objective)) <= 1e-10)) + 1  # a hundred times as strict
    assert naive == 1
    assert disagreement[naive] > 0.1
    assert run.converged
    assert disagreement[-1] <= 1e-8 * disagreement[0]


@pytest.mark.parametrize("rounds", [0, 1, 7, 25])
def test_the_limit_of_rounds_is_kept_exactly(rounds: int) -> None:
    run = accord.run(quadratic(H, C), accord.DGD(), network=RING, stop=Stop(rounds=rounds, progress=0))
    assert run.rounds == run.history["round"].iloc[-1] == rounds
    assert run.reason == f"stopped at its limit of {rounds} rounds"
    assert run.status is Status.ROUND_LIMIT


def test_the_limit_of_seconds_is_looked_at_between_blocks() -> None:
    run = accord.run(quadratic(H, C), accord.DGD(), network=RING, stop=Stop(rounds=10**6, progress=0, seconds=0))
    assert run.reason == "stopped at its limit of 0 seconds"
    assert run.status is Status.TIME_LIMIT
    assert 0 < run.rounds < 10**6


@pytest.mark.parametrize("rounds", [62, 68, 70, 71])
def test_a_limit_near_the_round_of_convergence_is_told_as_it_is(rounds: int) -> None:
    """Windows end every ten rounds: 70 is the first to show convergence."""
    stop = Stop(rounds=rounds, progress=1e-3, agreement=1e-3)
    run = accord.run(quadratic(H, C), accord.GradientTracking(), network=RING, stop=stop)
    assert run.converged == run.reason.startswith("converged") == (rounds >= 70)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence_and_a_code(status: Status) -> None:
    assert str(Ending(status, note="told" if "CAPS" in status.name else "", limit=5))
    assert status.code in {0, 3, 4, 5, 130, 143}
    assert status.diverged == (status.code == 4)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"rounds": -1}, "Stop(rounds=-1"),
        ({"rounds": 2.5}, "Stop(rounds=2.5"),
        ({"window": 0}, "at least 1"),
        ({"progress": -1e-8}, "Stop(progress=-1e-08"),
        ({"agreement": float("nan")}, "Stop(agreement=nan"),
        ({"seconds": -1}, "Stop(seconds=-1"),
        ({"rounds": float("inf")}, "Stop(rounds=inf"),
        ({"rounds": float("nan")}, "Stop(rounds=nan"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(how: dict[str, float], said: str) -> None:
    with pytest.raises(MethodError) as refused:
        Stop(**how)  # pyright: ignore[reportArgumentType]
    assert said in str(refused.value)
