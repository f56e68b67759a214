"""The request of a run: the arguments of `run`, of the right kinds, with nothing chosen yet."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

from accord import networks
from accord.core.kinds import number, whole
from accord.core.stopping import Stop
from accord.errors import MethodError
from accord.problems.problem import Problem

KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "network": (
        lambda value: isinstance(value, networks.Network | networks.NetworkSequence),
        "Give one of accord.networks, such as ring(20), from_networkx(graph) or from_weights(W).",
    ),
    "channel": (
        lambda value: hasattr(value, "encode") and hasattr(value, "decode"),
        "Give one of accord.channels, such as accord.clip(1.0).",
    ),
    "participation": (lambda value: number(value) is not None, "Give a share in (0, 1] or a number of clients."),
    "stop": (lambda value: isinstance(value, Stop), "Give accord.Stop(rounds=...)."),
    "seed": (
        lambda value: -(2**63) <= (whole(value) or 0) < 2**63 and whole(value) is not None,
        "Give a whole number, of 63 bits at most.",
    ),
    "record": (lambda value: number(value) is not None, "Give a whole number of rounds between two records."),
    "runtime": (
        lambda value: hasattr(value, "start") and not isinstance(value, type),
        "Give one of accord.runtimes, such as Threads().",
    ),
    "checkpoint": (lambda value: isinstance(value, str | PathLike), "Give a directory."),
    "notify": (callable, "Give a function of a Progress."),
    "measure": (callable, "Give a function of a Moment that returns numbers by name."),
}
"""The accepted types of each argument of `run`, where it is given."""


def check_kinds(**given: Any) -> None:
    """Refuse an argument of `run` that is not of the kind that its name requires, before anything looks inside."""
    for name, value in given.items():
        fits, remedy = KINDS[name]
        if (value is not None or name == "seed") and not fits(value):
            raise MethodError(f"{name}={reprlib.repr(value)} is of the kind {type(value).__name__}. {remedy}")


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRequest:
    """The arguments of `run` that fix what is computed; None where the user leaves a choice.

    Raises `MethodError` for one that is not of the kind that its name requires.
    """

    problem: Problem
    method: Any
    x0: Any = None
    network: Any = None
    channel: Any = None
    participation: Any = None
    aggregate: Any = None
    stop: Stop | None = None
    seed: int = 0
    record: int | None = None

    def __post_init__(self) -> None:
        check_kinds(**{f.name: getattr(self, f.name) for f in fields(self) if f.name in KINDS})
