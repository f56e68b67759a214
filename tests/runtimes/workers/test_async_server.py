"""Asynchrony in real threads: replies are taken as they come."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import AgentError
from accord.runtimes import Threads

H, C, P = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]), np.array([1.0, 2.0, 3.0, 2.0])
PROBLEM = accord.problems.quadratic(H, C, weights=P)


def after(rounds: int) -> accord.Stop:
    return accord.Stop(rounds=rounds, progress=0)


@pytest.mark.parametrize("participation", [None, 2])
def test_the_optimum_is_exact_in_whatever_order_replies_come(participation: int | None) -> None:
    run = accord.run(
        PROBLEM, accord.PIAG(), runtime=Threads(workers=3), participation=participation, stop=after(2500), record=250
    )
    assert abs(run.x - float(PROBLEM.solve())) < 1e-9
    assert run.history["stalest"].iloc[-1] >= (3 if participation is None else 1)
    assert "clock" not in run.history


def opaque(grad: Any) -> accord.Opaque:
    return accord.Opaque(size=1, value=lambda x: float(0.5 * x @ x), grad=grad)


def test_nobody_waits_for_an_agent_that_is_slow() -> None:
    """Agent 0 answers again only once agent 1 has answered ten times: who waited for both would wait for ever."""
    answers, ten, before = [], threading.Event(), []

    def quick(x: np.ndarray) -> np.ndarray:
        answers.append(x)
        if len(answers) >= 10:
            ten.set()
        return x - 1

    def slow(x: np.ndarray) -> np.ndarray:
        before.append(x)
        assert len(before) == 1 or ten.wait(timeout=60)
        return x - 1

    problem = accord.Problem(None, [opaque(slow), opaque(quick)], x0=np.zeros(1))
    run = accord.run(problem, accord.AsyncSGD(0.1), runtime=Threads(workers=2), stop=after(20), record=20)
    assert run.history["stalest"].iloc[-1] >= 8  # of the ten, one came before agent 0 was sent off, one at the very end


def test_an_agent_that_fails_stops_the_run_with_its_own_traceback() -> None:
    def fails(x: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("the ward is closed")

    problem = accord.Problem(None, [opaque(lambda x: x), opaque(fails)], x0=np.zeros(1))
    with pytest.raises(AgentError, match="the ward is closed") as failed:
        accord.run(problem, accord.AsyncSGD(0.1), runtime=Threads(workers=2), stop=after(20))
    assert failed.value.agent == 1


class Pulled(Exception):
    """The plug was."""


def pull_the_plug(status: Any) -> None:
    if status.round >= 200:
        raise Pulled


def test_a_resumed_run_loses_no_answer_that_was_under_way(tmp_path: Path) -> None:
    """The server's mean of gradients is what agents remember to have sent, or the optimum would be another."""
    how: dict[str, Any] = {"runtime": Threads(workers=2), "stop": after(2500), "record": 50, "checkpoint": tmp_path}
    with pytest.raises(Pulled):
        accord.run(PROBLEM, accord.PIAG(), notify=pull_the_plug, **how)
    seen: list[int] = []
    run = accord.run(PROBLEM, accord.PIAG(), notify=lambda status: seen.append(status.round), **how)
    assert seen[0] > 50  # it did go on from there
    assert abs(run.x - float(PROBLEM.solve())) < 1e-9
