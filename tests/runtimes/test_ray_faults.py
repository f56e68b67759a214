"""On Ray: damage on the wires, other versions, signals, and a program that is told to end, with real processes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import MethodError, ShardLost
from accord.protocol import timeouts
from accord.protocol.transports import frames, tcp
from accord.runtimes import Ray, Threads
from accord.runtimes.workers import ray_actors as link
from tests.runtimes.seats import Killer, marked, processes

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("cluster")]  # Ray's own

PROBLEM = accord.problems.quadratic(np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]))


def test_fault_36_37_53_shards_killed_or_told_to_end_lose_nothing_where_replies_are_taken_as_they_come() -> None:
    """The server's mean of gradients is what agents remember to have sent, or the optimum would be another."""
    killer, stop = Killer(2, signal.SIGKILL, signal.SIGTERM), accord.Stop(rounds=1200, progress=0)
    run = accord.run(PROBLEM, accord.PIAG(), runtime=Ray(2), stop=stop, notify=killer, record=5)
    assert killer.left == 0
    assert run.rounds == 1200
    assert run.x == pytest.approx(PROBLEM.solve(), abs=1e-9)


def test_fault_29_frames_damaged_on_their_way_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, harmed = random.Random(1), {"sent": 0, "come": 0}

    def sent(*given: Any) -> bytes:
        frame = bytearray(frames.encode(*given))
        if chance.random() < 0.1:
            harmed["sent"] += 1
            frame[-1 - chance.randrange(len(frame) - 60)] ^= 1
        return bytes(frame)

    def come(*given: Any) -> frames.Reading:
        envelope = yield from frames.reading(*given)
        if chance.random() < 0.1:
            harmed["come"] += 1
            raise frames.CorruptFrame
        return envelope

    monkeypatch.setattr(tcp, "encode", sent)
    monkeypatch.setattr(tcp, "reading", come)
    how: dict[str, Any] = {"network": accord.networks.ring(4), "stop": accord.Stop(rounds=40, progress=0), "record": 1}
    disturbed = accord.run(PROBLEM, accord.GradientTracking(), runtime=Ray(2), **how)
    assert min(harmed.values()) >= 10
    undisturbed = accord.run(PROBLEM, accord.GradientTracking(), runtime=Threads(2), **how)
    np.testing.assert_array_equal(disturbed.agents, undisturbed.agents)


def test_fault_33_shards_of_another_version_are_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "version", lambda package: "0.0.7")
    with pytest.raises(
        MethodError, match=r"Shard 0 is on .* has Accord 0\.\d+\.\d+ .*and this program has Accord 0\.0\.7"
    ):
        accord.run(PROBLEM, accord.FedSGD(), runtime=Ray(1))


def test_fault_38_a_shard_that_freezes_for_good_is_placed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "LEAST_FAILURE_TIMEOUT", 20.0)
    frozen: list[int] = []

    def freeze(status: Any) -> None:
        if status.round > 5 and not frozen:
            frozen.append(processes()[0])
            os.kill(frozen[0], signal.SIGSTOP)

    run = accord.run(
        PROBLEM,
        accord.FedSGD(),
        runtime=Ray(2, deadline=0.3, quorum=0.5),
        notify=freeze,
        stop=accord.Stop(rounds=4000, seconds=120, progress=1e-12, agreement=1.0),
    )
    assert frozen
    assert frozen[0] not in processes()
    assert run.converged
    assert run.x == pytest.approx(PROBLEM.solve(), abs=1e-6)


def test_fault_45_below_the_quorum_the_run_ends_and_says_why() -> None:
    def freeze(status: Any) -> None:
        threading.Timer(0.3, os.kill, (processes()[0], signal.SIGSTOP)).start()  # in the middle of what follows

    with pytest.raises(ShardLost, match=r"Round \d+: after .* no answer from shard \d .*below the quorum"):
        accord.run(
            PROBLEM,
            accord.FedSGD(),
            runtime=Ray(2, deadline=0.3, quorum=0.9),
            notify=freeze,
            stop=accord.Stop(rounds=100_000, progress=0),
            record=1000,
        )


def test_nothing_is_left_behind() -> None:
    assert none_left(processes)


def none_left(found: Any, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while found() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not found()


# the program itself

PROGRAM = """
import os, signal, sys, threading, numpy as np, accord
def tell(name):
    os.killpg(0, getattr(signal, name))
def notify(status):
    if status.round == 4:
        *first, last = sys.argv[1:]
        for name in first: tell(name)
        if first: tell(last)
        else: threading.Timer(0.2, tell, (last,)).start()  # in the middle of what follows
problem = accord.problems.quadratic(np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]))
run = accord.run(problem, accord.FedSGD(), runtime=accord.runtimes.Ray(shards=2), notify=notify, record=2,
                 stop=accord.Stop(rounds=10**7, progress=0))
print(run.reason, run.rounds == run.history["round"].iloc[-1] > 4, run.x.shape, sep=";")
"""


def in_a_group(*command: str, **environment: str) -> subprocess.Popen[str]:
    """As a shell starts a program, so that a signal to the group reaches what it has started."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, process_group=0, env=os.environ | environment)


@pytest.mark.parametrize(
    ("signals", "said", "last"),
    [
        (["SIGINT"], "was interrupted;True;()\n", ""),
        (["SIGTERM", "SIGINT"], "", "KeyboardInterrupt"),
    ],
    ids=str,
)
def test_fault_53_a_program_that_is_told_to_end_reports_and_leaves_no_shard_behind(
    signals: list[str], said: str, last: str
) -> None:
    """In the middle of a run on a cluster; the second time at once."""
    own = set(processes())
    program = in_a_group(sys.executable, "-c", PROGRAM, *signals, RAY_ADDRESS=ray.get_runtime_context().gcs_address)
    out, errors = program.communicate(timeout=120)
    assert out == said, errors
    assert errors.strip().endswith(last)
    assert (program.returncode == 0) == (not last)
    assert none_left(lambda: set(processes()) - own)


STUDY = """
title = "Two fields"
[problem]
kind = "quadratic"
H = [1, 2]
c = [0, 3]
[method]
name = "fedsgd"
[stop]
rounds = 10000000
progress = 0
"""


def test_fault_53_a_study_on_a_ray_of_its_own_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its exit code is that of SIGTERM, its report is written, and it could go on from its checkpoint."""
    (tmp_path / "fields.toml").write_text(STUDY)
    kept, page, accord_command = tmp_path / "kept", tmp_path / "told", "from accord.cli.main import app; app()"
    options = ("--runtime", "ray", "--json", "--checkpoint", str(kept), "--out", str(page))
    command = (sys.executable, "-c", accord_command, "run", str(tmp_path / "fields.toml"), *options)
    program = in_a_group(*command, OWN=str(tmp_path))
    while not (kept / "checkpoint").exists() and program.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    assert len(marked(f"OWN={tmp_path}")) > 3  # Ray has begun
    program.send_signal(signal.SIGTERM)
    out, errors = program.communicate(timeout=120)
    assert program.returncode == 143, errors
    assert json.loads(out)["reason"] == "was told to end (SIGTERM)"
    assert list(page.glob("*.html"))
    assert none_left(lambda: marked(f"OWN={tmp_path}"))
