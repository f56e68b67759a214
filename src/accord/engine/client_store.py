"""A store on disk of the clients' states from round to round: only clients that were asked take any space."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import numpy as np

from accord.errors import SavedRunError


class ClientStore:
    """A row a client in one sparse file that is mapped into memory; nothing where clients hold nothing.

    - `directory`: where the file is; a temporary one, removed at the end, when not given.
    - `blank`: what one client holds, a pytree of arrays or of their shapes.
    """

    def __init__(self, directory: str | Path | None, K: int, blank: Any) -> None:
        leaves, self.tree = jax.tree.flatten(blank)
        self.fields = [f"f{i}" for i in range(len(leaves))]
        row = np.dtype([(name, leaf.dtype, leaf.shape) for name, leaf in zip(self.fields, leaves, strict=True)])
        self.known = np.zeros(K, bool)  # who was asked before
        self.temporary = TemporaryDirectory(prefix="accord-") if directory is None else None
        self.table = np.empty(0, row)
        if row.itemsize:
            self.map = _mapped(Path(self.temporary.name if self.temporary else directory or "."), K * row.itemsize)
            self.table = np.frombuffer(self.map, row)

    def read(self, ks: np.ndarray) -> Any:
        """Return the states of these clients, stacked; zeros for clients that were never asked."""
        rows = self.table[ks] if len(self.table) else np.empty(len(ks), self.table.dtype)
        return jax.tree.unflatten(self.tree, [np.ascontiguousarray(rows[name]) for name in self.fields])

    def write(self, ks: np.ndarray, held: Any) -> None:
        """Keep what these clients hold now."""
        self.known[ks] = True
        if len(self.table):
            rows = np.empty(len(ks), self.table.dtype)
            for name, leaf in zip(self.fields, jax.tree.leaves(held), strict=True):
                rows[name] = leaf
            self.table[ks] = rows
            if hasattr(mmap, "MADV_DONTNEED"):  # let the pages go to the file, so that the run's memory does not grow
                self.map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Let the file go, and remove it where it was temporary."""
        held, self.table = self.table, np.empty(0, self.table.dtype)
        del held
        if self.temporary is not None:
            self.temporary.cleanup()


def _private(path: Path) -> int:
    """A new file that its owner alone reads: it holds what clients do not send."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)


def _mapped(directory: Path, size: int) -> mmap.mmap:
    """A file of zeros that takes no space until it is written to."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with open(_private(directory / "clients.states"), "w+b") as file:
            file.truncate(size)
            return mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise SavedRunError(
            f"The clients' states, {size / 1e9:.3g} GB at most, cannot be kept in {directory}: "
            f"{error}. Give Streamed(store=...) a directory on a disk with room."
        ) from error
