"""Random keys: derived from the round, the agent and the purpose, the same in every runtime."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import jax
from jax import Array


class Purpose(IntEnum):
    """The purpose of a random key."""

    START = 0
    WORK = 1
    CHANNEL = 2
    COHORT = 3
    NETWORK = 4
    CLOCK = 5
    COMPLETENESS = 6


def key_for(key: Array, t: Array | int, k: Array | int, purpose: Purpose) -> Array:
    """The key of agent k at round t for one purpose: the same in every runtime, in no state and on no wire."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(key, t), k), int(purpose))


def keys_of_phase(keys: Array, phase: Any) -> Array:
    """The keys of a round's exchange, of one agent or of all: the plain ones for the first."""
    if isinstance(phase, int) and phase == 0:
        return keys
    fold = lambda key: jax.random.fold_in(key, phase)  # noqa: E731
    return fold(keys) if keys.ndim == 0 else jax.vmap(fold)(keys)
