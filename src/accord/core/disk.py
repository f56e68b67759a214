"""Files that are whole or not there: written beside, synced, then renamed; and a directory that is one run's alone."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from accord.errors import SavedRunError

OWNER, READABLE = 0o600, 0o666
"""Modes of a new file: for its owner alone, as the states of agents are; or as the umask has it."""
LOCK = "lock"


def write_whole(directory: Path, files: Mapping[str, bytes], mode: int = READABLE) -> None:
    """Write files to a directory, made where it is missing: all of them, or none and what was there stays.

    Every file is written under another name and synced, and all are renamed when all are on the disk, in the order
    given. Raises `OSError`, after which nothing half written is left.
    """
    directory.mkdir(parents=True, exist_ok=True)
    parts = {name: directory / f"{name}.partial" for name in files}
    try:
        for name, content in files.items():
            write_synced(parts[name], content, mode)
    except OSError:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise
    for name, part in parts.items():
        os.replace(part, directory / name)
    sync_directory(directory)


def write_synced(path: Path, content: bytes, mode: int = READABLE) -> None:
    """Write a new file in place of whatever is there, down to the disk."""
    path.unlink(missing_ok=True)  # its mode would stay
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_writable(directory: str | Path, purpose: str) -> None:
    """Write a little to a directory, made where it is missing, and remove it: before a long run, and not after it.

    Raises `SavedRunError` with the reason.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".{secrets.token_hex(8)}.probe"
        try:
            write_synced(probe, b"accord")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise SavedRunError(
            f"{purpose} cannot be written to {directory}: {error.strerror or error}. "
            "Give a directory on a disk with room, where you may write."
        ) from error


@contextmanager
def locked(directory: Path, owner: str) -> Iterator[None]:
    """Hold a directory for the length of a run; the system lets go of it with the process, however that ends.

    Raises `SavedRunError`, which names the other, where another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, OWNER)
    try:
        if not _take(descriptor):
            raise SavedRunError(
                f"{directory} is in use by {_holder(descriptor)}. Wait for that run, or give another directory."
            )
        body = json.dumps({"process": os.getpid(), "run": owner}).encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, body, 0) if hasattr(os, "pwrite") else os.write(descriptor, body)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        told: dict[str, Any] = json.loads(os.read(descriptor, 4096))
        return f"the run of {told['run']} in process {int(told['process'])}"
    except (ValueError, KeyError, TypeError, OSError):
        return "another run"


def _lock_of_this_system() -> Callable[[int], None]:
    if sys.platform == "win32":
        import msvcrt

        return lambda descriptor: msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    import fcntl

    return lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _take(descriptor: int) -> bool:
    try:
        _lock_of_this_system()(descriptor)
    except OSError:
        return False
    return True
