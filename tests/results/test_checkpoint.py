"""A run that was interrupted goes on where it stood, and ends bit for bit where it would have."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import SavedRunError
from accord.problems import dispatch, quadratic
from accord.results.records import Records, pack_records, unpack_records
from accord.runtimes import Threads, Vectorised

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
PROBLEM, RING = quadratic(H, C), accord.networks.ring(4)
STOP = accord.Stop(rounds=57, progress=1e-13, agreement=1e-13)
RUNS: dict[str, dict[str, Any]] = {
    "server": {
        "problem": PROBLEM,
        "method": accord.FedAvgM(momentum=0.5, local=accord.GradientDescent(2)),
        "participation": 2,
        "channel": accord.gaussian_noise(0.1),
        "seed": 3,
    },
    "peers": {"problem": PROBLEM, "method": accord.GradientTracking(), "network": RING, "record": 1},
    "prices": {
        "problem": dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800),
        "method": accord.ExchangeADMM(),
    },
}
PEERS = RUNS["peers"]


@pytest.fixture(autouse=True)
def every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state is written after every block, however long that takes."""
    monkeypatch.setattr("accord.results.checkpoint.SHARE", 0)


class Pulled(Exception):
    """The plug was."""


def pull_the_plug(after: int) -> Callable[[Any], None]:
    def notify(status: Any) -> None:
        if status.round >= after:
            raise Pulled

    return notify


def live(run: dict[str, Any] = PEERS, **how: Any) -> accord.Run:
    return accord.run(**{"stop": STOP, **run, **how})


def ctrl_c_once() -> Callable[[Any], None]:
    blocks: list[Any] = []

    def notify(status: Any) -> None:
        blocks.append(status)
        if len(blocks) == 2:
            signal.raise_signal(signal.SIGINT)

    return notify


def interrupted(directory: Path, after: int = 20, **how: Any) -> None:
    with pytest.raises(Pulled):
        live(checkpoint=directory, notify=pull_the_plug(after), **how)


def same(one: accord.Run, other: accord.Run) -> None:
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.agents, other.agents)
    columns = [column for column in one.history if column != "seconds"]
    np.testing.assert_array_equal(one.history[columns], other.history[columns])
    assert (one.reason, one.rounds, one.converged) == (other.reason, other.rounds, other.converged)


@pytest.mark.parametrize("runtime", [Vectorised(), Threads(workers=2)], ids=lambda runtime: type(runtime).__name__)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(run: Any, runtime: Any, tmp_path: Path) -> None:
    interrupted(tmp_path, run=run, runtime=runtime)
    seen: list[int] = []
    resumed = live(run, runtime=runtime, checkpoint=tmp_path, notify=lambda status: seen.append(status.round))
    assert seen[0] > 10  # it did go on from there
    same(live(run, runtime=runtime), resumed)


def test_a_run_may_be_interrupted_again_and_again(tmp_path: Path) -> None:
    for after in (1, 5, 20, 40):
        interrupted(tmp_path, after)
    same(live(), live(checkpoint=tmp_path))


def test_fault_53_what_ctrl_c_ended_goes_on_where_it_stood(tmp_path: Path) -> None:
    stopped = live(checkpoint=tmp_path, notify=ctrl_c_once())
    assert stopped.reason == "was interrupted"
    assert 0 < stopped.rounds < 57
    seen: list[int] = []
    same(live(), live(checkpoint=tmp_path, notify=lambda status: seen.append(status.round)))
    assert seen[0] > stopped.rounds


def test_a_run_that_ended_is_told_again_at_once(tmp_path: Path) -> None:
    ended = live(checkpoint=tmp_path)
    seen: list[int] = []
    same(ended, live(checkpoint=tmp_path, notify=lambda status: seen.append(status.round)))
    assert len(seen) == 1


# damage


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "checksum": lambda content: flipped(content, 3),
    "round": lambda content: content.replace(b'"round": ', b'"round": 1', 1),
    "numbers": lambda content: flipped(content, len(content) - 300),
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "another file": lambda content: b"PK\x03\x04 not a checkpoint",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_fault_50_a_damaged_checkpoint_is_refused_and_the_one_before_it_used(damage: Any, tmp_path: Path) -> None:
    interrupted(tmp_path)
    newest = tmp_path / "checkpoint"
    newest.write_bytes(damage(newest.read_bytes()))
    same(live(), live(checkpoint=tmp_path))


def test_fault_50_damage_of_both_is_an_error_that_names_the_checksums(tmp_path: Path) -> None:
    interrupted(tmp_path)
    for path in (tmp_path / "checkpoint", tmp_path / "checkpoint.previous"):
        path.write_bytes(flipped(path.read_bytes(), 500))
    with pytest.raises(SavedRunError) as refused:
        live(checkpoint=tmp_path)
    said = str(refused.value)
    assert said.count("checksum") == 2
    assert "Remove the directory to start afresh." in said


def test_fault_50_a_half_written_checkpoint_is_not_looked_at(tmp_path: Path) -> None:
    interrupted(tmp_path)
    (tmp_path / "checkpoint.partial").write_bytes(b"half of")
    os.replace(tmp_path / "checkpoint", tmp_path / "checkpoint.previous")  # killed between the two renamings
    same(live(), live(checkpoint=tmp_path))


def test_fault_49_a_full_disk_is_told_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path)
    kept = (tmp_path / "checkpoint").read_bytes()

    synced, fsync = [0], os.fsync

    def full(descriptor: int) -> None:
        synced[0] += 1
        if synced[0] > 1:  # there was room for the trial
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="could not be written: .*No space left on device"):
        same(live(), live(checkpoint=tmp_path))
    assert (tmp_path / "checkpoint").read_bytes() == kept


def test_fault_50_damaged_records_are_refused_and_those_of_the_state_before_used(tmp_path: Path) -> None:
    interrupted(tmp_path)
    path = tmp_path / "records"
    path.write_bytes(flipped(path.read_bytes(), len(path.read_bytes()) - 20))
    same(live(), live(checkpoint=tmp_path))
    path.write_bytes(b"[]")
    with pytest.raises(SavedRunError, match="its records have the checksum"):
        live(checkpoint=tmp_path)


def test_records_only_grow_and_are_written_once(tmp_path: Path) -> None:
    """What is written for a record does not depend on how many there are before it."""
    for rounds in (100, 400):
        live(checkpoint=tmp_path / str(rounds), stop=accord.Stop(rounds=rounds, progress=0))
    short, long = ((tmp_path / name / "checkpoint").stat().st_size for name in ("100", "400"))
    assert abs(long - short) < 100
    lines = (tmp_path / "400" / "records").read_bytes().splitlines()
    assert len(lines) >= 300
    assert sum(line.startswith(b"{") for line in lines) == 1


def test_records_keep_whole_numbers_whole_and_lack_nothing_that_was_there() -> None:
    rows = [{"b": 1, "a": 2.5}, {"b": 2, "a": float("inf")}, {"b": 3, "a": 0.1 + 0.2, "late": 7.0}]
    records = Records(rows)
    assert list(records.columns()) == ["b", "a", "late"]
    assert [column.dtype.kind for column in records.columns().values()] == ["i", "f", "f"]
    assert (records[1]["b"], records[1]["a"], records[2]) == (2, float("inf"), rows[2])
    assert np.isnan(records[0]["late"])
    again, columns = unpack_records(pack_records(rows)[0])
    assert columns == ("b", "a", "late")
    np.testing.assert_array_equal(again.columns()["a"], records.columns()["a"])
    assert len(records[1:]) == 2


def test_states_are_written_for_a_twentieth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a state takes a second and a block none, the first is written, and the last."""
    from accord.results import checkpoint

    clock, written = [0.0], []
    monkeypatch.setattr("accord.results.checkpoint.SHARE", 20)
    monkeypatch.setattr("accord.results.checkpoint.time.monotonic", lambda: clock[0])
    keep = checkpoint.Checkpoint._keep

    def slow(self: Any, session: Any, *rest: Any) -> None:
        keep(self, session, *rest)
        clock[0] += 1
        written.append(session.round)

    monkeypatch.setattr(checkpoint.Checkpoint, "_keep", slow)
    how = {"record": 1, "stop": accord.Stop(rounds=30, progress=0), "measure": lambda moment: {"one": 1.0}}
    run = live(checkpoint=tmp_path, notify=lambda status: clock.__setitem__(0, clock[0] + 2), **how)
    assert written == [1, 11, 21, 30]
    assert run.rounds == 30


def test_a_directory_is_held_by_one_run_which_the_other_is_told_of(tmp_path: Path) -> None:
    def meanwhile(status: Any) -> None:
        with pytest.raises(SavedRunError, match=rf"in use by the run of GradientTracking in process {os.getpid()}\b"):
            live(RUNS["server"], checkpoint=tmp_path)
        raise Pulled

    with pytest.raises(Pulled):
        live(checkpoint=tmp_path, notify=meanwhile)
    same(live(), live(checkpoint=tmp_path))  # it is free again


def test_where_a_checkpoint_cannot_be_written_is_found_out_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(SavedRunError, match=r"The checkpoint cannot be written to .*file"):
        live(checkpoint=tmp_path / "file" / "kept", notify=lambda status: pytest.fail("it has begun"))


def test_states_are_for_their_owner_alone(tmp_path: Path) -> None:
    interrupted(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


# another run


def other_loss(x: Any, example: Any) -> Any:
    h, c = example
    return 0.5 * (h * (x - c) ** 2).sum() + 0 * x


ANOTHER: dict[str, dict[str, Any]] = {
    "seed": {"seed": 1},
    "step": {"method": accord.GradientTracking(0.01)},
    "method": {"method": accord.DGD()},
    "data": {"problem": quadratic(H, C + 1e-12)},
    "weights": {"problem": quadratic(H, C, weights=[1, 1, 1, 2])},
    "loss": {
        "problem": accord.Problem(other_loss, PROBLEM.shards, x0=np.zeros(())),
        "method": accord.GradientTracking(0.05),
    },
    "start": {"x0": np.ones(())},
    "network": {"network": accord.networks.path(4)},
    "channel": {"channel": accord.clip(1e3)},
    "limit": {"stop": replace(STOP, rounds=58)},
    "record": {"record": 2},
}


@pytest.mark.parametrize("change", ANOTHER.values(), ids=ANOTHER)
def test_fault_51_the_checkpoint_of_another_run_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    interrupted(tmp_path)
    with pytest.raises(SavedRunError, match="belongs to another run"):
        live(checkpoint=tmp_path, **change)


def test_fault_51_another_loss_of_the_same_name_is_another_run(tmp_path: Path) -> None:
    """Two lambdas: what they compute tells them apart, and nothing else does."""
    one, other = (
        accord.Problem(loss, PROBLEM.shards, x0=np.zeros(()))
        for loss in (
            lambda x, row: (row[0] * (x - row[1]) ** 2).sum(),
            lambda x, row: (row[0] * (x + row[1]) ** 2).sum(),
        )
    )
    interrupted(tmp_path, problem=one, method=accord.GradientTracking(0.02))
    with pytest.raises(SavedRunError, match="belongs to another run"):
        live(problem=other, method=accord.GradientTracking(0.02), checkpoint=tmp_path)


def test_fault_51_the_checkpoint_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path)
    monkeypatch.setattr("accord.results.checkpoint.version", lambda package: "999")
    with pytest.raises(SavedRunError, match="version of Accord"):
        live(checkpoint=tmp_path)


@pytest.mark.parametrize("runtime", [Threads(workers=2), Threads(workers=1)], ids=repr)
def test_fault_51_the_checkpoint_of_another_runtime_is_refused(runtime: Any, tmp_path: Path) -> None:
    other = Vectorised() if runtime.workers == 2 else Threads(workers=2)
    interrupted(tmp_path, runtime=other)
    with pytest.raises(SavedRunError, match="another runtime, or by other workers"):
        live(checkpoint=tmp_path, runtime=runtime)


PROCESS = """
import sys, numpy as np, accord
problem = accord.problems.quadratic(np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]))
def notify(status):
    if status.round >= 20: raise SystemExit(3)
run = accord.run(problem, accord.FedAdam(), checkpoint=sys.argv[1], stop=accord.Stop(rounds=57, progress=0),
                 notify=notify if sys.argv[2] == "stop" else None)
print(float(run.x).hex(), run.rounds)
"""


@pytest.mark.slow
def test_fault_51_another_process_is_the_same_run(tmp_path: Path) -> None:
    """An optimizer is a pair of functions, whose addresses differ from process to process."""

    def process(directory: Path, order: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", PROCESS, directory, order], capture_output=True, text=True)

    assert process(tmp_path / "kept", "stop").returncode == 3
    resumed, whole = process(tmp_path / "kept", "go"), process(tmp_path / "anew", "go")
    assert resumed.stdout == whole.stdout != ""
