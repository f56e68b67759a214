"""Being asked to stop: SIGTERM is as good as Ctrl-C, whose own tests are with those of a run."""

from __future__ import annotations

import signal
from typing import Any

import accord
from accord.interrupts import exit_code


def test_fault_53_sigterm_ends_a_run_as_ctrl_c_does_and_has_its_own_exit_code() -> None:
    told: list[int] = []

    def once(status: Any) -> None:
        if not told:
            told.append(status.round)
            signal.raise_signal(signal.SIGTERM)

    before, problem = signal.getsignal(signal.SIGTERM), accord.problems.quadratic([1.0, 2.0], [0.0, 3.0])
    run = accord.run(problem, accord.FedSGD(), stop=accord.Stop(rounds=10**9, progress=0), notify=once)
    assert run.reason == "was told to end (SIGTERM)"
    assert run.rounds == run.history["round"].iloc[-1] > 0
    assert signal.getsignal(signal.SIGTERM) is before
    assert exit_code(run.reason) == 128 + signal.SIGTERM
