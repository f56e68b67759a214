"""The weights p_k of agents, and their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from accord.core.kinds import printable
from accord.errors import ProblemError, UnknownName


def weights_of(weights: Any, sizes: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Give the weights of agents, which sum to one; by their numbers of rows where none are given."""
    if isinstance(weights, Mapping):
        weights = by_name(weights, names)
    raw = sizes.astype(float) if weights is None else np.asarray(weights, float)
    if raw.shape != sizes.shape:
        raise ProblemError(f"There are {raw.size} weights for {sizes.size} agents. Give one weight an agent.")
    sound = np.isfinite(raw) & (raw >= 0)
    if (wrong := ~sound | ((raw > 0) & (sizes == 0))).any():
        k = int(np.argmax(wrong))
        if not sound[k]:
            raise ProblemError(f"Agent {k} has the weight {raw[k]}. Weights are finite and not negative.")
        raise ProblemError(f"Agent {k} has the weight {raw[k]}, but no examples. Give it weight 0, or leave it out.")
    if not raw.any():
        raise ProblemError("All weights are zero. Give at least one agent a positive weight.")
    share = raw / raw.max()  # first by the largest, since a sum may overflow
    if (absurd := (raw > 0) & (share < np.finfo(float).eps)).any():
        k = int(np.argmax(absurd))
        raise ProblemError(
            f"Agent {k} has the weight {raw[k]:g}, which beside {raw.max():g} is lost to rounding. "
            "Give it weight 0, or weights nearer to one another."
        )
    return read_only(share / share.sum())


def read_only(values: np.ndarray) -> np.ndarray:
    """Make an array read-only."""
    values.flags.writeable = False
    return values


def by_name(weights: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    """Give weights by name in the order of the agents; refuse a name that none has."""
    given = {printable(str(name)): weight for name, weight in weights.items()}
    for name in given:
        if name not in names:
            raise UnknownName("agent", name, names)
    if missing := [name for name in names if name not in given]:
        raise ProblemError(f"There is no weight for agent {missing[0]!r}. Give every agent one; 0 leaves it out.")
    return [given[name] for name in names]


def check_names(names: tuple[str, ...], K: int) -> None:
    """Refuse names that are too few, too many, or twice the same."""
    if len(names) != K:
        raise ProblemError(f"There are {len(names)} names for {K} agents. Give one name an agent.")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ProblemError(f"The agent id {name!r} occurs {times} times. Give every agent its own.")
