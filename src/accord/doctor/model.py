"""The records of a diagnosis: floors, delays, who was examined."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from accord.doctor.floors import Floor


class FloorComparison(NamedTuple):
    """A floor as predicted, and where a run came to rest; NaN where none was made."""

    floor: Floor
    distance: float
    above: float


class Delay(NamedTuple):
    """The longest step under which gradients of so many rounds ago are borne, and whether runs agreed."""

    rounds: int
    longest: float
    stable_below: bool | None  # None where no run was made
    unstable_above: bool | None


class Context(NamedTuple):
    """The context of a diagnosis, which sentences need besides the measures: agents, network and starting point."""

    names: tuple[str, ...]
    sizes: np.ndarray
    weights: np.ndarray
    size: int  # numbers of a decision
    network: Any
    step_size: float  # of local work, 1/L
    share: float  # of F − F*, down to which rounds are counted
    vector: int  # bytes of a decision on the wire
    checked: bool
