"""What JAX compiles meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

COMPILED = "/jax/core/compile/backend_compile_duration"


@contextmanager
def compilations() -> Iterator[list[float]]:
    """The seconds of every compilation in the block."""
    seconds: list[float] = []

    def listen(event: str, duration: float, **_: Any) -> None:
        seconds.extend([duration] if event == COMPILED else [])

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seconds
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
