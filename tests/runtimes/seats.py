"""The processes of shards on a Ray that tests have begun, and who kills them."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

MARK = "ACCORD_TESTS"
"""In the environment of everything that a Ray of these tests has begun, and of nothing that is anybody else's."""


def marked(word: str, name: str = "") -> list[int]:
    """Ids of processes that have inherited a word in their environment, and are called so."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue
            if command.startswith(name.encode()) and word.encode() in environment.split(b"\0"):
                found.append(int(entry.name))
    return sorted(found)


def processes() -> list[int]:
    """Ids of the processes of shards."""
    return marked(f"{MARK}={os.getpid()}", "ray::ActorProcess")


class Killer:
    """Between blocks of a run: somebody else kills a shard, a moment later, in the middle of a round."""

    def __init__(self, times: int, *signals: signal.Signals) -> None:
        self.left, self.killed, self.signals = times, list[int](), signals or (signal.SIGKILL,)

    def __call__(self, status: Any) -> None:
        alive = [process for process in processes() if process not in self.killed]
        if self.left and alive:
            self.left -= 1
            self.killed.append(alive[self.left % len(alive)])
            by = self.signals[self.left % len(self.signals)]
            threading.Timer(0.02, os.kill, (self.killed[-1], by)).start()
            time.sleep(0.04 if self.left % 2 else 0)  # between two rounds, or within one
