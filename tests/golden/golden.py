"""Golden runs: `make golden` says whether every method and every runtime still gives the same numbers, bit for bit.

For changes that must change no number: files that move, names, types, the loop. `hashes.json` holds two SHA-256 sums a
run, of its history (but for the wall clock) and of its answers, and says on what machine and with which libraries they
were made. On another nothing is compared, as its last bits differ: its sums are written instead, to be compared with
after the change.

    python -m tests.golden.golden            # compare; where that cannot be, write
    python -m tests.golden.golden --write    # after a change that is meant to change numbers
    python -m tests.golden.golden Fed        # only runs with this in their names
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

import tests.conftest  # noqa: F401  first: how JAX starts, as in every test
from accord.errors import AccordError
from tests.golden.cases import cases

STORED = Path(__file__).with_name("hashes.json")
CACHE = Path(".golden_cache")  # compiled programs: a second call takes half as long
LIBRARIES = ("jax", "jaxlib", "numpy", "optax", "scipy", "networkx")


def main(arguments: list[str]) -> int:
    """Compare, or write where told so or where there is nothing to compare with; 1 where a sum differs."""
    jax.config.update("jax_compilation_cache_dir", str(CACHE.resolve()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    wanted = [word for word in arguments if word != "--write"]
    started, now = time.monotonic(), machine()
    stored = json.loads(STORED.read_text()) if STORED.exists() else {"made on": None, "sums": {}}
    found = {name: sums(run) for name, run in cases() if all(word in name for word in wanted)}
    print(f"{2 * len(found)} sums of {len(found)} runs in {time.monotonic() - started:.0f} s.")
    if "--write" in arguments or stored["made on"] != now:
        return write(stored, now, found, asked="--write" in arguments)
    return compare(stored["sums"], found, whole=not wanted)


def compare(stored: dict[str, list[str]], found: dict[str, list[str]], *, whole: bool) -> int:
    """Say which runs differ, and in what."""
    wrong = 0
    for name in stored | found if whole else found:
        if name not in stored or name not in found:
            print(f"{name}: only {'now' if name in found else 'in hashes.json'}")
        elif stored[name] != found[name]:
            parts = [
                part for part, a, b in zip(("history", "answers"), stored[name], found[name], strict=True) if a != b
            ]
            print(f"{name}: other {' and '.join(parts)}")
        else:
            continue
        wrong += 1
    print(f"{wrong} runs differ." if wrong else "All are equal, bit for bit.")
    return int(wrong > 0)


def write(stored: dict[str, Any], now: dict[str, str], found: dict[str, list[str]], *, asked: bool) -> int:
    """Store the sums, with the machine that made them."""
    if not asked and stored["made on"] is not None:
        other = [
            f"{key} is {now[key]}, not {value}" for key, value in stored["made on"].items() if now.get(key) != value
        ]
        print(f"Nothing is compared: {'; '.join(other)}.")
    kept = stored["sums"] if stored["made on"] == now else {}
    STORED.write_text(json.dumps({"made on": now, "sums": kept | found}, indent=1, ensure_ascii=False) + "\n")
    print(f"{STORED.name} is written: commit it, or compare with it after your change.")
    return 0


def machine() -> dict[str, str]:
    """What decides the last bits: the processor, the system, Python and the libraries that compute."""
    info = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    flags = re.search(r"flags\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return {
        "processor": model[1] if model else platform.processor(),
        "instructions": _sum([" ".join(sorted(flags[1].split())).encode()])[:12] if flags else platform.machine(),
        "system": platform.system(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: version(name) for name in LIBRARIES},
    }


def sums(run: Any) -> list[str]:
    """The SHA-256 of what a run tells: its history, but for the wall clock, and its answers; or how it is refused."""
    try:
        run = run()
    except AccordError as error:
        return [f"refused: {type(error).__name__}"] * 2
    history = run.history.drop(columns="seconds")
    columns = [part for name in history for part in (name.encode(), _bits(history[name]))]
    answers = [run.x, run.agents, run.prices, run.losses, run.rounds, run.converged]
    return [_sum(columns), _sum([_bits(leaf) for leaf in jax.tree.leaves(answers)])]


def _bits(values: Any) -> bytes:
    """Shape, type and bits; every NaN is one."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.floating):
        array = np.where(np.isnan(array), np.array(np.nan, array.dtype), array)
    return f"{array.shape} {array.dtype} ".encode() + array.tobytes()


def _sum(parts: list[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
