"""Shards in processes of their own, which the tests kill and freeze: the answer is as if nothing had happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import AgentError, MethodError, ShardLost
from accord.protocol import coordinator
from accord.runtimes import Ray, Threads
from tests.runtimes.seats import Killer, processes

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("cluster")]  # Ray's own

H, C = np.array([1.0, 2.0, 4.0, 3.0, 2.0]), np.array([0.0, 1.0, 2.0, 6.0, 1.0])
PROBLEM = accord.problems.quadratic(H, C)
RING = accord.networks.ring(5)
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def close(one: accord.Run, other: accord.Run) -> None:
    np.testing.assert_allclose(one.x, other.x, **CLOSE)
    np.testing.assert_allclose(one.agents, other.agents, **CLOSE)
    columns = [column for column in one.history if column not in ("seconds", "progress", "gap")]
    np.testing.assert_allclose(one.history[columns], other.history[columns], **CLOSE)


def opaque() -> accord.Problem:
    """The same agents as NumPy functions."""

    def agent(h: float, c: float) -> accord.Opaque:
        return accord.Opaque(value=lambda x: 0.5 * h * float((x - c) @ (x - c)), grad=lambda x: h * (x - c))

    return accord.Problem(None, [agent(h, c) for h, c in zip(H, C, strict=True)], x0=np.zeros(1))


RUNS: dict[str, Callable[..., accord.Run]] = {
    "a server and a cohort": lambda **how: accord.run(PROBLEM, accord.SCAFFOLD(), participation=3, **how),
    "peers": lambda **how: accord.run(PROBLEM, accord.GradientTracking(), network=RING.lose(0.2), **how),
    "prices": lambda **how: accord.run(
        accord.problems.dispatch([1.0, 2.0, 1.0], [0.0, 1.0, 2.0], np.zeros(3), -9.0, 9.0, 5.0),
        accord.DualDecomposition(),
        **how,
    ),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_same_numbers_as_all_at_once(run: Callable[..., accord.Run]) -> None:
    stop = accord.Stop(rounds=20, progress=0)
    close(run(stop=stop), run(stop=stop, runtime=Ray(shards=2)))


def test_opaque_agents_and_a_server_that_waits_for_nobody() -> None:
    stop = accord.Stop(rounds=12, progress=0)
    here, there = (accord.run(opaque(), accord.FedSGD(0.1), stop=stop, runtime=where) for where in (Threads(2), Ray(2)))
    close(here, there)
    problem = accord.problems.quadratic([1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0, 6.0])
    found = accord.run(problem, accord.PIAG(), runtime=Ray(2), stop=accord.Stop(rounds=400, progress=0), record=100)
    assert found.x == pytest.approx(9 / 4, abs=1e-6)


@pytest.mark.parametrize("name", ["a server and a cohort", "peers"])
def test_fault_36_37_44_ten_shards_killed_change_nothing(name: str) -> None:
    run, stop = RUNS[name], accord.Stop(rounds=400, progress=0)
    killer = Killer(10 if name == "peers" else 2)
    disturbed = run(stop=stop, runtime=Ray(shards=2), notify=killer, record=2)
    assert killer.left == 0
    close(run(stop=stop, record=2), disturbed)


def test_fault_46_an_agent_that_kills_its_process_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel does where memory runs out."""
    monkeypatch.setattr(coordinator, "MAX_RESTARTS", 1)
    fatal = accord.Opaque(value=lambda x: 0.0, grad=lambda x: os.kill(os.getpid(), signal.SIGKILL))
    problem = accord.Problem(None, [fatal, fatal], x0=np.zeros(1))
    with pytest.raises(ShardLost, match=r"shard 0 \(agents 0 to 1\) died 2 times over one question"):
        accord.run(problem, accord.FedSGD(0.1), runtime=Ray(shards=1))


def test_fault_38_a_shard_that_freezes_is_left_behind_and_comes_back() -> None:
    frozen: list[int] = []

    def freeze(status: Any) -> None:
        if status.round > 5 and not frozen:
            frozen.append(processes()[0])
            os.kill(frozen[0], signal.SIGSTOP)
            threading.Timer(2.0, os.kill, (frozen[0], signal.SIGCONT)).start()

    stop = accord.Stop(rounds=4000, seconds=25, progress=1e-13, agreement=1.0)
    run = accord.run(PROBLEM, accord.FedSGD(), runtime=Ray(2, deadline=0.5, quorum=0.3), stop=stop, notify=freeze)
    assert frozen
    assert run.converged  # in the end everybody counts again: what one half alone would find is elsewhere
    assert run.x == pytest.approx(PROBLEM.solve(), abs=1e-6)


def test_what_an_agent_raises_far_away_stops_the_run_with_its_traceback() -> None:
    def fails(x: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("the spreadsheet is empty")

    good = accord.Opaque(value=lambda x: 0.0, grad=lambda x: 0 * x)
    problem = accord.Problem(None, [good, accord.Opaque(value=lambda x: 0.0, grad=fails)], x0=np.zeros(1))
    with pytest.raises(AgentError, match=r"(?s)Agent 1 failed.*the spreadsheet is empty"):
        accord.run(problem, accord.FedSGD(0.1), runtime=Ray(shards=2))


def test_nothing_is_left_behind() -> None:
    deadline = time.monotonic() + 10
    while processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Ray(shards=0), "at least one shard"),
        (Ray(deadline=-1.0), "a deadline in seconds, above 0"),
    ],
    ids=repr,
)
def test_what_cannot_be_is_refused_at_the_door(wrong: Ray, words: str) -> None:
    with pytest.raises(MethodError, match=words):
        accord.run(PROBLEM, accord.FedSGD(), runtime=wrong)


PROGRAM = """
import os, signal, sys
from typing import NamedTuple
import jax.numpy as jnp, numpy as np, accord
from accord.methods.traits import method

class Server(NamedTuple):
    x: jnp.ndarray
    v: jnp.ndarray

class Word(NamedTuple):
    x: jnp.ndarray

@method
class Changes:
    step_size: float = 0.1
    def init(self, x): return Server(x, jnp.zeros_like(x))
    def init_client(self, x, agent, key): return jnp.zeros_like(x)
    def broadcast(self, server): return Word(server.x)
    def respond(self, heard, client, agent, key): return Word(agent.grad(heard.x) - client), agent.grad(heard.x)
    def update(self, server, reply): return Server(server.x - self.step_size * (server.v + reply.x), server.v + reply.x)
    def proposal(self, heard, reply, client): return heard.x

def notify(status):
    if sys.argv[2] == "die" and status.round >= 40:
        os.kill(os.getpid(), signal.SIGKILL)

problem = accord.problems.quadratic(np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]))
how = {"stop": accord.Stop(rounds=90, progress=0), "notify": notify}
run = accord.run(problem, Changes(), runtime=accord.runtimes.Ray(shards=2), checkpoint=sys.argv[1], **how)
whole = accord.run(problem, Changes(), runtime=accord.runtimes.Threads(2), **how)
print(float(run.x).hex(), float(whole.x).hex(), run.rounds)
"""


def test_fault_39_52_the_host_and_its_ray_are_killed_and_the_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """The program is the head of its Ray, the owner of all objects, and the coordinator; its method is its own."""

    def program(order: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), order]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert program("die").returncode == -signal.SIGKILL
    assert (tmp_path / "checkpoint").exists()
    resumed = program("go")
    assert resumed.returncode == 0, resumed.stderr
    one, other, rounds = resumed.stdout.split()
    assert one == other
    assert rounds == "90"
