"""A run kept on disk between blocks: the resumed run equals the uninterrupted one bit for bit."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from accord.errors import SavedRunError
from accord.runtimes.plan import Plan, Session


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept; nowhere when `directory` is None.

    The two newest states stay, each written whole under another name and then renamed, with the SHA-256 of its content,
    so that a half-written or damaged one is recognised and the one before it used.
    """

    directory: Path | None
    identity: str

    @classmethod
    def of(cls, directory: str | Path | None, plan: Plan) -> Checkpoint:
        """The checkpoint of this very run: same problem, method, seed and data."""
        return cls(None if directory is None else Path(directory), "" if directory is None else identity(plan))

    def keep(self, session: Session, records: list[dict[str, float]], spent: float) -> None:
        """Write the state after this block."""
        if self.directory is None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(session.state())]
        buffer = io.BytesIO()
        np.savez(buffer, *leaves, allow_pickle=False)
        body = buffer.getvalue()
        head = {"identity": self.identity, "round": session.round, "records": records, "spent": spent,
                "sha256": hashlib.sha256(body).hexdigest()}  # fmt: skip
        target, previous = self.directory / "checkpoint", self.directory / "checkpoint.previous"
        partial = self.directory / "checkpoint.partial"
        with open(partial, "wb") as file:
            file.write(json.dumps(head).encode() + b"\n" + body)
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
        for path in (self.directory / "checkpoint", self.directory / "checkpoint.previous"):
            if not path.exists():
                continue
            try:
                head, leaves = _read(path)
            except (ValueError, KeyError) as error:
                damaged.append(f"{path.name}: {error}")
                continue
            if head["identity"] != self.identity:
                raise SavedRunError(f"{path} belongs to another run (identity {head['identity'][:12]}, this run is "
                                    f"{self.identity[:12]}). "
                                    "Give another directory, or remove it.")  # fmt: skip
            tree = jax.tree.structure(session.state())
            session.restore(jax.tree.unflatten(tree, leaves), head["round"])
            return head["records"], head["spent"]
        if damaged:
            raise SavedRunError(
                f"No checkpoint in {self.directory} is sound ({'; '.join(damaged)}). "
                "Remove the directory to start afresh."
            )
        return [], 0.0


def identity(plan: Plan) -> str:
    """A hash of all that fixes the run: data, weights, method, network, channel, seed, start."""
    sha = hashlib.sha256()
    words = (
        type(plan.problem.loss).__name__,
        plan.method,
        plan.channel,
        plan.cohort,
        plan.aggregate,
        plan.stop,
        plan.seed,
        plan.every,
    )
    sha.update(repr(words).encode())
    arrays = [plan.x0, plan.weights, *jax.tree.leaves(plan.problem.shards if not plan.problem.opaque else ())]
    if plan.network is not None:
        arrays.append(plan.network.W if isinstance(plan.network.W, np.ndarray) else plan.network.W.data)
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    head, _, body = path.read_bytes().partition(b"\n")
    found = json.loads(head)
    if (seen := hashlib.sha256(body).hexdigest()) != found["sha256"]:
        raise ValueError(f"its checksum is {seen[:12]}, not {found['sha256'][:12]}")
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        return found, [file[name] for name in file.files]
