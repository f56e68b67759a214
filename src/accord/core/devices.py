"""The devices of this machine: JAX sees a CPU as one, unless it is asked before it starts."""

from __future__ import annotations

import os
from contextlib import suppress

import jax


def use_all_cpu_devices() -> None:
    """Ask JAX for a CPU device a core, so that a cohort can be divided; nothing changes once JAX is running.

    XLA uses about one core a CPU device. Called where Accord is about to compute, never at import.

    >>> use_all_cpu_devices()
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(RuntimeError):  # JAX is already running: its devices stay as they are
        jax.config.update("jax_num_cpu_devices", cores)
