"""Peers that wait for nobody in real threads: whatever the order, what is promised holds."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.engine.events.scheduler import MailboxScheduler, PairScheduler
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import AgentError
from accord.protocol.messages import Envelope
from accord.protocol.timeouts import Timeouts
from accord.runtimes import Threads
from tests.runtimes.workers.crew import Crew
from tests.runtimes.workers.five_agents import KEPT, METHODS, PATH, PROBLEM, RING, C, P, after, mass_is_kept, session_of

pytestmark = pytest.mark.slow  # threads that work in real time

# what is promised


@pytest.mark.parametrize("workers", [2, 5])
@pytest.mark.parametrize("name", METHODS)
def test_the_answer_is_exact_in_whatever_order_agents_act(name: str, workers: int) -> None:
    method, answer = METHODS[name]
    run = accord.run(PROBLEM, method, network=RING, runtime=Threads(workers), stop=after(3000), record=250)
    np.testing.assert_allclose(run.agents, answer, atol=1e-8)
    assert run.history["round"].tolist() == list(range(0, 3001, 250))
    assert (np.diff(run.history["seconds"]) > 0).all()
    assert (run.history["stalest"].iloc[-1] > 0) == (name == "letters")
    assert "clock" not in run.history


@pytest.mark.parametrize("name", METHODS)
def test_a_run_that_has_converged_stops(name: str) -> None:
    method, answer = METHODS[name]
    stop = accord.Stop(rounds=20_000, progress=1e-8, agreement=1e-8)
    run = accord.run(PROBLEM, method, network=RING, runtime=Threads(2), stop=stop, record=50)
    assert run.converged
    assert run.rounds < 3000
    assert run.x == pytest.approx(answer, abs=1e-2)


@pytest.mark.parametrize("name", METHODS)
def test_what_is_held_in_all_never_changes_over_a_network_that_loses(name: str) -> None:
    with jax.enable_x64(True):
        session = session_of(Threads(3), METHODS[name][0], PATH.lose(0.3))
        KEPT[name](session)
        session.close()


def encounters(kind: Any, network: Any) -> Any:
    """Nothing but who hears what: everybody has said its own number."""
    plan, _ = build_plan(RunRequest(problem=PROBLEM, method=METHODS[kind][0], network=network, record=40))
    said = np.arange(5.0)[:, None]
    return (MailboxScheduler(plan, [np.tile(said, (1, 2))]) if kind == "letters" else PairScheduler(plan, [said])), said


def test_letters_are_lost_as_often_as_the_network_says() -> None:
    letters, said = encounters("letters", PATH.lose(0.8))
    new = 0
    for t in range(200):
        letters.deliver(range(5), [np.tile(said, (1, 2))], t)
        *_, unread = letters.received(list(range(5)), t)
        new += unread.sum()
    assert new == pytest.approx(0.2 * 200 * 8, abs=5 * np.sqrt(0.16 * 200 * 8))


def test_calls_are_lost_as_often_as_the_network_says_and_come_between_all_neighbours() -> None:
    calls, _ = encounters("calls", PATH.lose(0.8))
    met = [tuple(sorted(calls.begin(range(5), 1, t))) for t in range(0, 1000, 2)]
    assert set(met) == {(0, 1), (1, 2), (2, 3), (3, 4)}
    heard = 0
    for t in range(0, 1000, 2):
        k, j = calls.begin(range(5), 1, t)
        apart = calls.received([k, j], t)[0].ravel()
        assert apart.tolist() in ([j - k, k - j], [0, 0])
        heard += apart.any()
    assert heard == pytest.approx(0.2 * 500, abs=5 * np.sqrt(0.16 * 500))


def test_who_is_at_work_is_not_called_but_waited_for() -> None:
    """Agents 0 to 2 are idle on a path: who holds the line for agent 3 meets nobody else, and is the first it meets."""
    calls, _ = encounters("calls", PATH)
    held = 0
    for t in range(0, 200, 2):
        calls.restore(calls.state())
        met = calls.begin([0, 1, 2], 5, t)
        assert sorted(met) in ([0, 1], [1, 2])
        assert calls.holding <= {0, 2} - set(met)
        if calls.callers[3]:
            held += 1
            assert calls.begin([2], 5, t) == []
            assert 1 not in calls.begin([1, 2], 5, t)
            assert sorted(calls.begin([2, 3, 4], 5, t)) in ([2, 3], [3, 4])
    assert held > 5


def test_shards_that_could_go_on_among_themselves_let_the_others_in() -> None:
    """Two a shard: if whoever is idle met at once, the pairs of each would never meet the other's."""
    problem, path = accord.problems.quadratic([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 4.0, 4.0]), accord.networks.path(4)
    run = accord.run(problem, accord.RandomizedGossip(), network=path, runtime=Threads(2), stop=after(400), record=100)
    np.testing.assert_allclose(run.agents, 2, atol=1e-3)


def test_noise_among_pairs_moves_no_mean() -> None:
    with jax.enable_x64(True):
        session = session_of(Threads(2), accord.RandomizedGossip(), channel=accord.channels.gaussian_noise(0.5))
        mass_is_kept(session)
        session.close()


def test_words_compressed_to_what_has_changed_lead_to_the_optimum() -> None:
    channel = accord.channels.changes(accord.channels.natural())
    run = accord.run(
        PROBLEM,
        accord.ASYSONATA(0.15),
        network=RING,
        channel=channel,
        runtime=Threads(2),
        stop=after(4000),
        record=1000,
    )
    np.testing.assert_allclose(run.agents, METHODS["letters"][1], atol=1e-7)


def test_one_agent_alone_is_no_reason_to_wait() -> None:
    problem, alone = accord.problems.quadratic([2.0], [1.0]), accord.networks.complete(1)
    run = accord.run(problem, accord.RandomizedGossip(), network=alone, runtime=Threads(2), stop=after(10))
    assert run.x == 1


# nobody waits


def test_nobody_waits_for_an_agent_that_is_slow() -> None:
    """Agent 0 goes on only once the others have gone on ten times: who waited for it would wait for ever."""
    own, others, ten, slow = [], [], threading.Event(), []

    def quick(x: np.ndarray) -> np.ndarray:
        others.append(x)
        if slow and len(others) >= slow[0] + 20:
            ten.set()
        return x - 1

    def waits(x: np.ndarray) -> np.ndarray:
        own.append(x)
        if len(own) == 2:  # it has begun, and is to act for the first time
            slow.append(len(others))
            assert ten.wait(timeout=60)
        return x - 1

    agents = [accord.Opaque(value=lambda x: float(0.5 * x @ x), grad=grad) for grad in (waits, quick, quick)]
    problem, ring = accord.Problem(None, agents, x0=np.zeros(1)), accord.networks.ring(3)
    run = accord.run(problem, accord.ASYSONATA(0.1), network=ring, runtime=Threads(2), stop=after(45), record=45)
    assert ten.is_set()
    assert run.rounds == 45


def slow_link(worker: int, seconds: float) -> Callable[[int, Envelope], list[Envelope]]:
    """One worker needs so long for each answer."""

    def fate(to: int, envelope: Envelope) -> list[Envelope]:
        if envelope.sender == worker and envelope.kind == "activate":
            time.sleep(seconds)
        return [envelope]

    return fate


@pytest.mark.parametrize("name", METHODS)
def test_a_slow_shard_changes_no_answer(name: str) -> None:
    method, answer = METHODS[name]
    crew = Crew(2, slow_link(1, 0.002), patience=Timeouts(retry_interval=5.0))
    stop = accord.Stop(rounds=100_000, progress=1e-12, agreement=1e-12)
    run = accord.run(PROBLEM, method, network=RING, runtime=crew, stop=stop, record=500)
    assert run.converged
    np.testing.assert_allclose(run.agents, answer, atol=1e-5)


# as any other run


class Pulled(Exception):
    """The plug was."""


def pull_the_plug(status: Any) -> None:
    if status.round >= 200:
        raise Pulled


@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_loses_no_letter_and_no_mass(name: str, tmp_path: Path) -> None:
    method, answer = METHODS[name]
    how: dict[str, Any] = {"network": RING, "runtime": Threads(2), "stop": after(3000), "record": 50}
    with pytest.raises(Pulled):
        accord.run(PROBLEM, method, checkpoint=tmp_path, notify=pull_the_plug, **how)
    seen: list[int] = []
    run = accord.run(PROBLEM, method, checkpoint=tmp_path, notify=lambda status: seen.append(status.round), **how)
    assert seen[0] > 50  # it did go on from there
    np.testing.assert_allclose(run.agents, answer, atol=1e-9)


def test_ctrl_c_ends_the_run_between_blocks() -> None:
    asked: list[int] = []

    def interrupt(status: Any) -> None:
        if status.round >= 100 and not asked:
            asked.append(status.round)
            os.kill(os.getpid(), signal.SIGINT)

    run = accord.run(PROBLEM, accord.ASYSONATA(), network=PATH, runtime=Threads(2), stop=after(10**6), notify=interrupt)
    assert run.reason == "was interrupted"
    assert run.history["round"].iloc[-1] == run.rounds < 10**5


def test_an_agent_that_fails_stops_the_run_with_its_own_traceback() -> None:
    def fails(x: np.ndarray, penalty: float) -> np.ndarray:
        raise ZeroDivisionError("the ward is closed")

    def agent(prox: Any) -> accord.Opaque:
        return accord.Opaque(value=lambda x: float(x @ x), prox=prox)

    problem = accord.Problem(None, [agent(lambda x, penalty: x), agent(fails)], x0=np.zeros(1))
    with pytest.raises(AgentError, match="the ward is closed") as failed:
        accord.run(problem, accord.RandomizedGossip(), network=accord.networks.complete(2), runtime=Threads(2))
    assert failed.value.agent == 1


def test_opaque_agents_meet_too() -> None:
    def agent(c: float) -> accord.Opaque:
        return accord.Opaque(value=lambda x: float((x - c) @ (x - c)), prox=lambda x, penalty: np.array([c]))

    problem = accord.Problem(None, [agent(c) for c in C], x0=np.zeros(1), weights=P + 1)
    run = accord.run(problem, accord.RandomizedGossip(), network=PATH, runtime=Threads(2), stop=after(300), record=50)
    np.testing.assert_allclose(run.agents, (P + 1) @ C / (P + 1).sum(), atol=1e-2)
