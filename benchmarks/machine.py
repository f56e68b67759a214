"""What a figure was measured on, and how: the median of several runs, a ratio beside a floor in the same session."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def seconds(work: Callable[[], Any]) -> float:
    """One run of `work` by the wall."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def side_by_side(works: dict[str, Callable[[], float]], repeats: int = 7) -> dict[str, list[float]]:
    """Every work in turn, over and over, so that a machine that slows down slows all of them; seconds as each says."""
    for work in works.values():
        work()  # compiled, paged in
    turns = [{name: _rested(work) for name, work in works.items()} for _ in range(repeats)]
    return {name: [turn[name] for turn in turns] for name in works}


def _rested(work: Callable[[], float]) -> float:
    """Its seconds, once the threads of whoever worked before have ceased to spin, as those of OpenBLAS do."""
    time.sleep(0.1)
    return work()


def peer(python: str | None, program: str, *arguments: str) -> float | None:
    """Seconds that a peer's program prints, run by the Python of the peer's own environment; None without one."""
    if python is None:
        return None
    command = [python, str(Path(__file__).parent / "peers" / program), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return float(done.stdout.split()[-1])


def write(name: str, figures: dict[str, Any]) -> Path:
    """The figures with machine, versions and seed, as JSON in `benchmarks/results`."""
    machine = {"cpu": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    versions = {library: version(library) for library in ("accord", "jax", "numpy", "optax")}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, "versions": versions, "seed": 0, **figures}, indent=2) + "\n")
    return path


def table(title: str, unit: str, measured: dict[str, list[float]], against: str) -> dict[str, dict[str, float]]:
    """Print median, least and most of every work, and its median ratio to another, turn by turn."""
    print(f"\n{title}\n{'':24}{'median':>12}{'least':>12}{'most':>12}{'/ ' + against:>16}  [{unit}]")
    rows = {}
    for name, values in measured.items():
        ratio = statistics.median(a / b for a, b in zip(values, measured[against], strict=True))
        rows[name] = {"median": statistics.median(values), "least": min(values), "most": max(values), "ratio": ratio}
        rows[name] |= {"unit": unit}
        print(
            f"{name:24}" + "".join(f"{rows[name][key]:12.3f}" for key in ("median", "least", "most")) + f"{ratio:16.2f}"
        )
    return rows


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
