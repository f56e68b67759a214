"""Being asked to stop: SIGTERM is as good as Ctrl-C, whose own tests are with those of a run."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import accord

PROBLEM = accord.problems.quadratic([1.0, 2.0], [0.0, 3.0])


@pytest.fixture(autouse=True)
def handler() -> Iterator[Any]:
    """The program's own handler, which no test leaves changed."""
    before = signal.getsignal(signal.SIGTERM)
    yield before
    signal.signal(signal.SIGTERM, before)


def once() -> Callable[[Any], None]:
    told: list[int] = []

    def notify(status: Any) -> None:
        if not told:
            told.append(status.round)
            signal.raise_signal(signal.SIGTERM)

    return notify


def ended() -> accord.Run:
    return accord.run(PROBLEM, accord.FedSGD(), stop=accord.Stop(rounds=10**9, progress=0), notify=once())


def test_fault_53_sigterm_ends_a_run_as_ctrl_c_does_and_has_its_own_exit_code() -> None:
    run = ended()
    assert run.reason == "was told to end (SIGTERM)"
    assert run.rounds == run.history["round"].iloc[-1] > 0
    assert run.status.code == 128 + signal.SIGTERM


def test_fault_53_a_program_that_sigterm_ended_a_run_of_begins_no_other(handler: Any) -> None:
    ended()
    with pytest.raises(SystemExit) as left:
        accord.run(PROBLEM, accord.FedSGD())
    assert left.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is handler
    assert accord.run(PROBLEM, accord.FedSGD()).converged  # who catches it has been told


def test_fault_53_a_program_with_a_handler_of_its_own_is_handed_the_signal_before_its_next_run() -> None:
    handed: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: handed.append(number))
    ended()
    assert handed == []
    assert accord.run(PROBLEM, accord.FedSGD()).converged
    assert handed == [signal.SIGTERM]


def test_fault_53_a_second_sigterm_while_the_run_is_told_ends_the_program_at_once() -> None:
    ended()
    with pytest.raises(SystemExit) as left:
        signal.raise_signal(signal.SIGTERM)
    assert left.value.code == 143
