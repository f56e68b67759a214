"""What importing Accord costs and touches."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

import pytest

OPTIONAL = {"cryptography", "cvxpy", "dp_accounting", "pyarrow", "ray", "sklearn", "torch", "zenoh"}
LATER = {"matplotlib", "networkx", "pandas"}  # loaded when they are first needed

PROBE = """
import json, sys, time
import jax
before = dict(jax.config.values)
import accord
seconds = time.process_time()
changed = [name for name, value in jax.config.values.items() if value != before[name]]
print(json.dumps([seconds, sorted(sys.modules), changed]))
"""


class Imported(NamedTuple):
    seconds: float  # of the processor, from an interpreter's start, so that a busy machine changes little
    modules: list[str]
    changed: list[str]  # settings of JAX


@pytest.fixture(scope="module")
def imported() -> Imported:
    answer = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    return Imported(*json.loads(answer.stdout))


def test_importing_accord_takes_under_a_second_and_a_half(imported: Imported) -> None:
    assert imported.seconds < 1.5


def test_importing_accord_loads_no_optional_or_heavy_library(imported: Imported) -> None:
    assert "accord.run" in imported.modules
    assert not (OPTIONAL | LATER) & set(imported.modules)


def test_importing_accord_changes_no_setting_of_jax(imported: Imported) -> None:
    assert imported.changed == []
