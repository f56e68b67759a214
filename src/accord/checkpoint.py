"""A run kept on disk between blocks: the resumed run equals the uninterrupted one bit for bit."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.errors import SavedRunError
from accord.runtimes.plan import Plan, Session
from accord.runtimes.vectorised import program


class Kept(NamedTuple):
    """What a checkpoint holds."""

    head: dict[str, Any]
    leaves: list[np.ndarray]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept; nowhere when `directory` is None.

    The two newest states stay, each written whole under another name and then renamed, and each opened by the SHA-256
    of all that follows, so that a half-written or damaged one is recognised and the one before it used.
    """

    directory: Path | None
    identity: str

    @classmethod
    def of(cls, directory: str | Path | None, plan: Plan) -> Checkpoint:
        """The checkpoint of this very run: same problem, method, seed and data."""
        return cls(None if directory is None else Path(directory), "" if directory is None else identity(plan))

    def keep(self, session: Session, records: list[dict[str, float]], spent: float) -> None:
        """Write the state after this block; where that fails, the run goes on and the states before it stay."""
        if self.directory is None:
            return
        leaves, tree = jax.tree.flatten(session.state())
        head = {
            "identity": self.identity,
            "state": str(tree),
            "round": session.round,
            "records": records,
            "spent": spent,
        }
        arrays = io.BytesIO()
        np.savez(arrays, *(np.asarray(leaf) for leaf in leaves), allow_pickle=False)
        try:
            self._write(json.dumps(head).encode() + b"\n" + arrays.getvalue())
        except OSError as error:
            warnings.warn(f"The checkpoint of round {session.round} could not be written: {error}. The run goes on; "
                          f"should it be interrupted, it resumes from the one before.", stacklevel=2)  # fmt: skip

    def _write(self, content: bytes) -> None:
        assert self.directory is not None
        self.directory.mkdir(parents=True, exist_ok=True)
        target, previous, partial = (self.directory / name for name in (NEWEST, BEFORE, "checkpoint.partial"))
        with open(partial, "wb") as file:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.replace(target, previous)
        os.replace(partial, target)

    def resume(self, session: Session) -> tuple[list[dict[str, float]], float]:
        """Bring the session to the newest sound state; the records so far and the seconds spent."""
        if self.directory is None:
            return [], 0.0
        damaged = []
        for path in (self.directory / NEWEST, self.directory / BEFORE):
            if not path.exists():
                continue
            try:
                kept = _read(path)
            except ValueError as error:
                damaged.append(f"{path.name}: {error}")
                continue
            self._check_same(path, kept.head, session)
            session.restore(jax.tree.unflatten(jax.tree.structure(session.state()), kept.leaves), kept.head["round"])
            return kept.head["records"], kept.head["spent"]
        if damaged:
            raise SavedRunError(f"No checkpoint in {self.directory} is sound ({'; '.join(damaged)}). "
                                "Remove the directory to start afresh.")  # fmt: skip
        return [], 0.0

    def _check_same(self, path: Path, head: dict[str, Any], session: Session) -> None:
        if head["identity"] != self.identity:
            raise SavedRunError(f"{path} belongs to another run (identity {head['identity'][:12]}, this run is "
                                f"{self.identity[:12]}): the data, the method, the seed, a limit or the version of "
                                "Accord differ. Give another directory, or remove it.")  # fmt: skip
        if head["state"] != str(jax.tree.structure(session.state())):
            raise SavedRunError(f"{path} was kept by another runtime, or by other workers, and holds another state "
                                "than this one. Resume in the runtime that began, or remove it.")  # fmt: skip


NEWEST, BEFORE = "checkpoint", "checkpoint.previous"


def identity(plan: Plan) -> str:
    """A hash of all that fixes the run: the mathematics of a round, the data, the numbers, the version of Accord."""
    if plan.problem.opaque:  # what agents compute cannot be read: told apart by what they answer
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
    """The plan with the few agents by whom a crowd's data are known, where all of them are never read at once."""
    problem = plan.problem.sample(8)
    return replace(plan, problem=problem, cohort=min(plan.cohort, problem.K))


def _read(path: Path) -> Kept:
    checksum, _, content = path.read_bytes().partition(b"\n")
    if (seen := hashlib.sha256(content).hexdigest()) != checksum.decode(errors="replace"):
        raise ValueError(f"its content has the checksum {seen[:12]}, not {checksum[:12].decode(errors='replace')!r}")
    head, _, arrays = content.partition(b"\n")
    with np.load(io.BytesIO(arrays), allow_pickle=False) as file:
        return Kept(json.loads(head), [file[name] for name in file.files])
