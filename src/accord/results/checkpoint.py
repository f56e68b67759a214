"""A run kept on disk between blocks: the resumed run equals the uninterrupted one bit for bit."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.core.disk import OWNER, check_writable, locked, sync_directory, write_synced
from accord.engine.planning.plan import Plan
from accord.engine.session import Session
from accord.errors import SavedRunError
from accord.results.records import Records, pack_records, unpack_records
from accord.runtimes.vectorised import program

NEWEST, BEFORE, RECORDS = "checkpoint", "checkpoint.previous", "records"
SHARE = 20
"""A state is written once the rounds since the last one took so many times as long as writing it."""


class Kept(NamedTuple):
    """The content of a checkpoint."""

    head: dict[str, Any]
    leaves: list[np.ndarray]


@contextmanager
def reserved(directory: str | Path | None, owner: str) -> Iterator[None]:
    """The directory of a checkpoint, written to once for a trial and held for the length of a run; or nothing at all.

    Raises `SavedRunError` where it cannot be written to, or another run holds it.
    """
    if directory is None:
        yield
        return
    check_writable(directory, "The checkpoint")
    with locked(Path(directory), owner):
        yield


class Checkpoint:
    """The store of a run; none when `directory` is None.

    The two newest states stay, each written whole under another name and then renamed, and each opened by the SHA-256
    of all that follows, so that a half-written or damaged one is recognised and the one before it used. The records
    grow in a file of their own, of which a state bears the length and the SHA-256 at its time.
    """

    def __init__(self, directory: Path | None, identity: str) -> None:
        self.directory, self.identity = directory, identity
        self.written, self.columns, self.bytes, self.sha = 0, (), 0, hashlib.sha256()  # of the records
        self.ended, self.cost = float("-inf"), 0.0  # seconds: when the last state was on the disk, what it took

    @classmethod
    def of(cls, directory: str | Path | None, plan: Plan) -> Checkpoint:
        """The checkpoint of this very run: same problem, method, seed and data."""
        return cls(None if directory is None else Path(directory), "" if directory is None else identity(plan))

    def keep(self, session: Session, records: Records, spent: float, *, last: bool = False) -> None:
        """Write the state after this block, the `last` one surely and others for a twentieth of the time at most.

        Where that fails, the run goes on and the states before it stay.
        """
        started = time.monotonic()
        if self.directory is None or (not last and started - self.ended < SHARE * self.cost):
            return
        try:
            self._keep(session, records, spent)
        except OSError as error:
            warnings.warn(
                f"The checkpoint of round {session.round} could not be written: {error}. The run goes on; "
                f"should it be interrupted, it resumes from the one before.",
                stacklevel=2,
            )
        self.ended = time.monotonic()
        self.cost = self.ended - started

    def _keep(self, session: Session, records: Records, spent: float) -> None:
        assert self.directory is not None
        leaves, tree = jax.tree.flatten(session.state())
        self._append(self.directory / RECORDS, records)
        head = {
            "identity": self.identity,
            "state": str(tree),
            "round": session.round,
            "records": {"count": self.written, "bytes": self.bytes, "sha256": self.sha.hexdigest()},
            "spent": spent,
        }
        arrays = io.BytesIO()
        np.savez(arrays, *(np.asarray(leaf) for leaf in leaves), allow_pickle=False)
        content = json.dumps(head).encode() + b"\n" + arrays.getvalue()
        target, previous, partial = (self.directory / name for name in (NEWEST, BEFORE, f"{NEWEST}.partial"))
        write_synced(partial, hashlib.sha256(content).hexdigest().encode() + b"\n" + content, OWNER)
        if target.exists():
            os.replace(target, previous)
        os.replace(partial, target)
        sync_directory(self.directory)

    def _append(self, path: Path, records: Records) -> None:
        """The records that are not on the disk yet, behind those that a state has counted."""
        content, columns = pack_records(records[self.written :], self.columns)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), OWNER)
        with open(descriptor, "r+b") as file:
            file.truncate(self.bytes)
            file.seek(self.bytes)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.sha.update(content)
        self.written, self.columns, self.bytes = len(records), columns, self.bytes + len(content)

    def resume(self, session: Session) -> tuple[Records, float]:
        """Bring the session to the newest sound state; the records so far and the seconds spent."""
        if self.directory is None:
            return Records(), 0.0
        damaged = []
        for path in (self.directory / NEWEST, self.directory / BEFORE):
            if not path.exists():
                continue
            try:
                kept = _read(path)
                self._check_same(path, kept.head, session)
                records = self._records(kept.head["records"])
            except _Damaged as error:
                damaged.append(f"{path.name}: {error}")
                continue
            session.restore(jax.tree.unflatten(jax.tree.structure(session.state()), kept.leaves), kept.head["round"])
            return records, kept.head["spent"]
        if damaged:
            raise SavedRunError(
                f"No checkpoint in {self.directory} is sound ({'; '.join(damaged)}). "
                "Remove the directory to start afresh."
            )
        return Records(), 0.0

    def _records(self, told: dict[str, Any]) -> Records:
        """Return as many records as a state has counted."""
        assert self.directory is not None
        try:
            with open(self.directory / RECORDS, "rb") as file:
                content = file.read(told["bytes"])
        except OSError as error:
            raise _Damaged(f"its records cannot be read, {error.strerror}") from error
        sha = hashlib.sha256(content)
        if sha.hexdigest() != told["sha256"]:
            raise _Damaged(f"its records have the checksum {sha.hexdigest()[:12]}, not {told['sha256'][:12]}")
        records, self.columns = unpack_records(content)
        self.written, self.bytes, self.sha = told["count"], told["bytes"], sha
        return records

    def _check_same(self, path: Path, head: dict[str, Any], session: Session) -> None:
        if head["identity"] != self.identity:
            raise SavedRunError(
                f"{path} belongs to another run (identity {head['identity'][:12]}, this run is "
                f"{self.identity[:12]}): the data, the method, the seed, a limit or the version of "
                "Accord differ. Give another directory, or remove it."
            )
        if head["state"] != str(jax.tree.structure(session.state())):
            raise SavedRunError(
                f"{path} was kept by another runtime, or by other workers, and holds another state "
                "than this one. Resume in the runtime that began, or remove it."
            )


class _Damaged(Exception):
    """A checkpoint that is not what was written."""


def identity(plan: Plan) -> str:
    """A hash of all that fixes the run: the mathematics of a round, the data, the numbers, the version of Accord."""
    if plan.problem.opaque:  # what agents compute cannot be read: distinguished by what they answer
        words = repr((plan.method, plan.channel, [shard.oracles for shard in plan.problem.shards], plan.network))
        arrays = jax.tree.leaves((plan.method, plan.channel))
    else:
        with jax.enable_x64(plan.dtype == np.float64):
            words, arrays = program(_few(plan) if plan.problem.stored else plan)
            arrays = [*arrays, plan.problem.sizes, np.int64(plan.cohort)]
    sha = hashlib.sha256(repr((version("accord"), words, plan.stop, plan.seed, plan.every)).encode())
    for array in (*arrays, plan.x0, plan.weights):
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def _few(plan: Plan) -> Plan:
    """The plan with the few agents by which a crowd's data are identified, where all of them are never read at once."""
    problem = plan.problem.sample(8)
    return replace(plan, problem=problem, cohort=min(plan.cohort, problem.K))


def _read(path: Path) -> Kept:
    checksum, _, content = path.read_bytes().partition(b"\n")
    if (seen := hashlib.sha256(content).hexdigest()) != checksum.decode(errors="replace"):
        raise _Damaged(f"its content has the checksum {seen[:12]}, not {checksum[:12].decode(errors='replace')!r}")
    head, _, arrays = content.partition(b"\n")
    with np.load(io.BytesIO(arrays), allow_pickle=False) as file:
        return Kept(json.loads(head), [file[name] for name in file.files])
