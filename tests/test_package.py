"""What importing Accord costs and touches."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

import pytest

OPTIONAL = {"cryptography", "cvxpy", "dp_accounting", "formulaic", "pyarrow", "ray", "sklearn", "torch", "zenoh"}
LATER = {"matplotlib", "networkx", "pandas"}  # loaded when they are first needed

PROBE = """
import json, sys, time
import jax
of_jax, before = time.process_time(), dict(jax.config.values)
import accord
times = time.process_time() / of_jax
changed = [name for name, value in jax.config.values.items() if value != before[name]]
print(json.dumps([times, sorted(sys.modules), changed]))
"""


class Imported(NamedTuple):
    times: float  # as much of the processor, from an interpreter's start, as JAX alone: busy machines are alike
    modules: list[str]
    changed: list[str]  # settings of JAX


@pytest.fixture(scope="module")
def imported() -> Imported:
    answer = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    return Imported(*json.loads(answer.stdout))


def test_importing_accord_takes_under_two_and_a_half_times_as_long_as_jax(imported: Imported) -> None:
    assert imported.times < 2.5


def test_importing_accord_loads_no_optional_or_heavy_library(imported: Imported) -> None:
    assert "accord.run" in imported.modules
    assert not (OPTIONAL | LATER) & set(imported.modules)


def test_importing_accord_changes_no_setting_of_jax(imported: Imported) -> None:
    assert imported.changed == []
