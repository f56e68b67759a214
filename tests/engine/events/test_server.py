"""A server that waits for nobody, against the same written with a queue of events."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import accord
from accord import clocks
from accord.errors import MethodError, SavedRunError
from accord.problems import quadratic
from accord.runtimes import Timed

pytestmark = pytest.mark.slow  # simulated hours of many agents

H, C, P = np.array([1.0, 2.0, 4.0]), np.array([0.0, 3.0, -2.0]), np.array([0.5, 0.2, 0.3])
PROBLEM = quadratic(H, C, weights=P)
PACES = np.array([1.0, 2.1, 5.3])
UNEVEN = Timed(accord.Clock(PACES))
STEP = 0.02


def after(rounds: int) -> accord.Stop:
    return accord.Stop(rounds=rounds, progress=0)


def gradient(k: int, x: float) -> float:
    """Of agent k as an asynchronous method meets it: K p_k f_k, so that each arrival counts as one."""
    return 3 * P[k] * H[k] * (x - C[k])


# what a late answer is: the limits of stability


@pytest.mark.parametrize(("d", "limit"), [(0, 2.0), (1, 1.000000), (2, 0.618034), (5, 0.284630)])
def test_the_limits_of_stability_say_what_a_delay_of_d_is(d: int, limit: float) -> None:
    """x⁺ = x − a h x_{t−d} is stable if and only if a h < 2 sin(π/(2(2d+1))): d+1 agents of one pace make a delay d."""
    assert limit == pytest.approx(2 * np.sin(np.pi / (2 * (2 * d + 1))), abs=5e-7)
    problem = quadratic(H=[2.0] * (d + 1), c=[1.0] * (d + 1))
    near, beyond = (
        accord.run(problem, accord.AsyncSGD(part * limit / 2), stop=after(6000), record=60) for part in (0.99, 1.01)
    )
    assert near.history["stalest"].iloc[-1] == d
    assert abs(near.x - 1) < 1e-3 * abs(near.history["objective"][0])
    assert beyond.reason.startswith("diverged")


# the same, with a queue


class Queue:
    """The events of agents with constant paces; ties go to the lowest number."""

    def __init__(self) -> None:
        self.events = [(PACES[k], k, 0.0, 0) for k in range(3)]  # when, who, from which model of which version
        self.x, self.t, self.pile, self.now = 0.0, 0, [], 0.0

    def arrivals(self, rounds: int, update: Callable[[Queue, int, float, int], None]) -> float:
        for _ in range(rounds):
            self.now, k, heard, version = heapq.heappop(self.events)
            update(self, k, heard, self.t - version)
            heapq.heappush(self.events, (self.now + PACES[k], k, self.x, self.t))
        return self.x


def every_gradient(now: Queue, k: int, heard: float, d: int) -> None:
    now.x, now.t = now.x - STEP * gradient(k, heard), now.t + 1


def late_ones_less(now: Queue, k: int, heard: float, d: int) -> None:
    """C = 1 and L = 4: beyond d = 2 at most 1/(16 d)."""
    now.x, now.t = now.x - (STEP if d <= 2 else min(STEP, 1 / (16 * d))) * gradient(k, heard), now.t + 1


def none_of_three_steps_ago(now: Queue, k: int, heard: float, d: int) -> None:
    if d < 3:
        every_gradient(now, k, heard, d)


def two_at_one_point(now: Queue, k: int, heard: float, d: int) -> None:
    now.pile += [gradient(k, heard)] if d == 0 else []
    if len(now.pile) == 2:
        now.x, now.t, now.pile = now.x - STEP * sum(now.pile) / 2, now.t + 1, []


def worked(k: int, heard: float) -> float:
    """Three local steps."""
    y = heard
    for _ in range(3):
        y -= STEP * gradient(k, y)
    return y


def mixed_in(law: Callable[[int], float]) -> Callable[..., None]:
    def update(now: Queue, k: int, heard: float, d: int) -> None:
        m = 0.6 * law(d)
        now.x, now.t = (1 - m) * now.x + m * worked(k, heard), now.t + 1

    return update


def two_changes(now: Queue, k: int, heard: float, d: int) -> None:
    now.pile += [(worked(k, heard) - heard) / np.sqrt(1 + d)]
    if len(now.pile) == 2:
        now.x, now.t, now.pile = now.x + 0.7 * sum(now.pile) / 2, now.t + 1, []


LOCAL = accord.GradientDescent(3, STEP)
WRITTEN = {
    "AsyncSGD": (accord.AsyncSGD(STEP), every_gradient),
    "delay-adaptive": (
        accord.AsyncSGD(STEP, delay_adaptive=True, concurrency=1, smoothness=4.0),
        late_ones_less,
    ),
    "Ringmaster": (accord.Ringmaster(STEP, threshold=3), none_of_three_steps_ago),
    "Rennala": (accord.Rennala(STEP, batch=2), two_at_one_point),
    "FedAsync": (accord.FedAsync(staleness="constant", local=LOCAL), mixed_in(lambda d: 1)),
    "polynomial": (accord.FedAsync(decay=0.5, local=LOCAL), mixed_in(lambda d: (1 + d) ** -0.5)),
    "hinge": (
        accord.FedAsync(staleness="hinge", decay=2.0, grace=1, local=LOCAL),
        mixed_in(lambda d: 1 / (1 + 2 * max(d - 1, 0))),
    ),
    "FedBuff": (accord.FedBuff(buffer=2, server_step=0.7, local=LOCAL), two_changes),
}


@pytest.mark.parametrize(("method", "update"), WRITTEN.values(), ids=WRITTEN)
def test_a_method_does_what_its_equations_say_in_the_order_of_the_clock(method: Any, update: Any) -> None:
    queue = Queue()
    run = accord.run(PROBLEM, method, runtime=UNEVEN, stop=after(40), record=40)
    assert run.x == pytest.approx(queue.arrivals(40, update), abs=1e-12)
    assert run.history["clock"].iloc[-1] == pytest.approx(queue.now, abs=1e-9)


def test_agents_of_one_pace_are_heard_in_turn() -> None:
    """The known sequence: x⁺ = x − a g_k(x_{t−K+1}), k = t mod K, and the start where t < K."""
    x = [0.0]
    for t in range(20):
        x.append(x[-1] - STEP * gradient(t % 3, x[max(t - 2, 0)]))
    run = accord.run(PROBLEM, accord.AsyncSGD(STEP), stop=after(20), record=1)
    assert run.x == pytest.approx(x[-1], abs=1e-12)
    np.testing.assert_array_equal(run.history["clock"], [0, *(1 + np.arange(20) // 3)])
    assert run.history["staleness"].iloc[-1] == pytest.approx((0 + 1 + 18 * 2) / 20)


# whose say counts


def test_the_server_remembers_everybody_so_that_no_pace_moves_the_optimum() -> None:
    run = accord.run(PROBLEM, accord.PIAG(), runtime=UNEVEN, stop=after(4000), record=100)
    assert abs(run.x - float(PROBLEM.solve())) < 1e-9


def test_without_memory_an_agent_has_as_much_say_as_it_has_arrivals() -> None:
    """The optimum of Σ p_k r_k f_k, to within the order of the step, with r_k the arrivals of agent k."""
    say = P / PACES
    expected, optimum = (w * H @ C / (w @ H) for w in (say, P))
    run = accord.run(PROBLEM, accord.AsyncSGD(4e-4), runtime=UNEVEN, stop=after(40_000), record=1000)
    assert run.x == pytest.approx(expected, abs=5e-3)
    assert abs(expected - optimum) > 0.3


def test_a_few_jobs_dealt_out_to_all_alike_give_everybody_an_equal_say() -> None:
    run = accord.run(PROBLEM, accord.AsyncSGD(1e-3), runtime=UNEVEN, participation=2, stop=after(40_000), record=1000)
    assert run.x == pytest.approx(float(PROBLEM.solve()), abs=0.1)  # a step of 1e-3 leaves it within about 0.05
    busiest = 40_000 * PACES.sum() / 3 / 2  # seconds, had nobody ever to wait for its turn
    assert run.history["clock"].iloc[-1] > busiest


def test_a_lost_answer_leaves_the_server_and_its_agent_as_they_were() -> None:
    clock = accord.Clock(clocks.lognormal(PACES), lose=[0.0, 0.4, 0.7])
    run = accord.run(PROBLEM, accord.PIAG(), runtime=Timed(clock), stop=after(6000), record=100)
    assert abs(run.x - float(PROBLEM.solve())) < 1e-9


# what it is for


def seconds_until(run: accord.Run, level: float) -> float:
    return float(run.history["clock"][run.history["objective"] < level].iloc[0])


def test_with_ten_slow_agents_those_who_wait_for_nobody_are_there_sooner() -> None:
    """A hundred agents, ten of them ten times slower, with data that differ; to a ten-thousandth of the way left."""
    random = np.random.default_rng(0)
    h, c = random.uniform(0.5, 1.5, 100), random.normal(3, 1, 100)
    start, best = (float(h @ (x - c) ** 2) / 200 for x in (0, h @ c / h.sum()))
    level = best + 1e-4 * (start - best)
    timed = Timed(accord.Clock(clocks.lognormal(np.repeat([1.0, 10.0], [90, 10]), 0.3), network=0.1))
    race: list[tuple[Any, int, int]] = [
        (accord.FedSGD(), 20, 1),
        (accord.PIAG(), 5000, 50),
        (accord.FedBuff(local=accord.GradientDescent(3)), 5000, 50),
    ]
    waited, *hurried = (
        seconds_until(accord.run(quadratic(h, c), method, runtime=timed, stop=after(rounds), record=record), level)
        for method, rounds, record in race
    )
    assert waited > 40
    assert max(hurried) < waited / 2


# as any other run


HARSH = Timed(accord.Clock(clocks.lognormal(PACES), clocks.exponential(0.5), sleep=0.1, nap=4.0, lose=0.1))


class Pulled(Exception):
    """The plug was."""


def pull_the_plug(status: Any) -> None:
    if status.round >= 40:
        raise Pulled


@pytest.mark.parametrize("method", [accord.FedBuff(2, local=LOCAL), accord.FedAvg(LOCAL)], ids=["nobody", "all"])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(method: Any, tmp_path: Path) -> None:
    how: dict[str, Any] = {"runtime": HARSH, "participation": 2, "stop": after(90), "record": 10, "seed": 4}
    with pytest.raises(Pulled):
        accord.run(PROBLEM, method, checkpoint=tmp_path, notify=pull_the_plug, **how)
    seen: list[int] = []
    resumed = accord.run(PROBLEM, method, checkpoint=tmp_path, notify=lambda now: seen.append(now.round), **how)
    whole = accord.run(PROBLEM, method, **how)
    assert seen[0] > 10  # it did go on from there
    assert resumed.x == whole.x
    columns = whole.history.columns.drop("seconds")
    np.testing.assert_array_equal(resumed.history[columns], whole.history[columns])


def test_fault_51_the_checkpoint_of_another_clock_is_refused(tmp_path: Path) -> None:
    how: dict[str, Any] = {"stop": after(90), "record": 10, "checkpoint": tmp_path}
    with pytest.raises(Pulled):
        accord.run(PROBLEM, accord.AsyncSGD(STEP), runtime=UNEVEN, notify=pull_the_plug, **how)
    with pytest.raises(SavedRunError, match="belongs to another run"):
        accord.run(PROBLEM, accord.AsyncSGD(STEP), runtime=Timed(accord.Clock(PACES + 0.1)), **how)


def test_a_saved_run_keeps_its_clock(tmp_path: Path) -> None:
    run = accord.run(PROBLEM, accord.AsyncSGD(STEP), runtime=HARSH, stop=after(30), record=10)
    run.save(tmp_path)
    again = accord.Run.load(tmp_path)
    assert list(again.history.columns[-3:]) == ["clock", "staleness", "stalest"]
    assert again.history.equals(run.history)
    assert "On the virtual clock it took" in str(again)


def test_the_replies_of_one_are_no_matter_for_a_rule() -> None:
    with pytest.raises(MethodError, match="AsyncSGD does not take the mean"):
        accord.run(PROBLEM, accord.AsyncSGD(STEP), aggregate=accord.aggregation.Median())
