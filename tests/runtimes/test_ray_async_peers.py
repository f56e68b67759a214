"""Peers that wait for nobody in processes of their own, which the tests kill and freeze."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.runtimes import Ray
from tests.runtimes.seats import Killer, processes
from tests.runtimes.workers.five_agents import KEPT, METHODS, PROBLEM, RING, after, session_of

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("cluster")]  # Ray's own


@pytest.mark.parametrize("name", METHODS)
def test_the_answer_is_exact_in_whatever_order_agents_act(name: str) -> None:
    method, answer = METHODS[name]
    run = accord.run(PROBLEM, method, network=RING, runtime=Ray(shards=2), stop=after(3000), record=250)
    np.testing.assert_allclose(run.agents, answer, atol=1e-8)
    assert run.history["round"].tolist() == list(range(0, 3001, 250))


@pytest.mark.parametrize("name", METHODS)
def test_fault_36_37_44_shards_killed_in_the_middle_hold_again_what_they_held(name: str) -> None:
    killer = Killer(3)
    with jax.enable_x64(True):
        session: Any = session_of(Ray(shards=2), METHODS[name][0], RING)
        try:
            for _ in range(3):
                killer(None)
                session.advance(1, 200)
                KEPT[name](session, 1)
        finally:
            session.close()
    assert killer.left == 0


@pytest.mark.parametrize("name", METHODS)
def test_a_shard_that_freezes_changes_no_answer(name: str) -> None:
    frozen: list[int] = []

    def freeze(status: Any) -> None:
        if status.round > 20 and not frozen:
            frozen.append(processes()[0])
            os.kill(frozen[0], signal.SIGSTOP)
            threading.Timer(1.5, os.kill, (frozen[0], signal.SIGCONT)).start()

    method, answer = METHODS[name]
    run = accord.run(PROBLEM, method, network=RING, runtime=Ray(2), stop=after(8000), record=20, notify=freeze)
    assert frozen
    np.testing.assert_allclose(run.agents, answer, atol=1e-6)
