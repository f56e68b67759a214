"""What tests of several runtimes share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.runtimes.seats import MARK


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One Ray for a file, of two cores; nothing of it is left behind."""
    import ray

    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ[MARK] = str(os.getpid())
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", _system_config={})
    yield
    ray.shutdown()
