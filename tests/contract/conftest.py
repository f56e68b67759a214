"""Every method that stands in `accord.methods.METHODS` is put through the suite: it is tested by existing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from accord.methods import METHODS
from accord.methods.traits import is_coupled, pattern_of
from tests.contract.knobs import leaves_of, settled, state_of

ONE_A_CLASS = {type(kind()): kind for kind in METHODS}.values()
"""Presets of one class share its functions: what only those can break is tested with the last of them."""

ONE_A_SHAPE = {
    (pattern_of(kind()), hasattr(kind(), "local")): kind for kind in METHODS if not is_coupled(kind())
}.values()
"""Methods see flat vectors, but for the local work: what a decision looks like is tested with one of each."""

CHOSEN: dict[str, Callable[[Any], bool]] = {
    "kind": lambda kind: True,
    "exact_kind": lambda kind: settled(kind).exact is True and kind().minimises == "F",
    "slow_kind": lambda kind: in_the_limit(settled(kind)),
    "biased_kind": lambda kind: biased(settled(kind)),
    "shrinking_kind": lambda kind: biased(settled(kind)) and stepping(settled(kind)) and not kind().asynchronous,
    "tunable_kind": lambda kind: bool(leaves_of(kind)),
    "weighted_kind": lambda kind: not is_coupled(kind()),
    "weighing_kind": lambda kind: not is_coupled(kind()) and (kind().minimises == "F" or "p_k" in kind().minimises),
    "class_kind": lambda kind: kind in ONE_A_CLASS,
    "waiting_kind": lambda kind: kind in ONE_A_CLASS and not kind().asynchronous,
    "hurried_kind": lambda kind: kind().asynchronous,
    "shape_kind": lambda kind: kind in ONE_A_SHAPE,
    "relaying_kind": lambda kind: not is_coupled(kind()) and not kind().convexity,
    "steady_kind": lambda kind: not draws(settled(kind)),
    "tracking_kind": lambda kind: {"y", "g"} <= set(getattr(state_of(kind), "_fields", ())),
}
"""What a test may ask for by the name of its argument, from the facts that methods state about themselves."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, wanted in CHOSEN.items():
        if name in metafunc.fixturenames:
            heavy = getattr(metafunc.module, "HEAVY", False)
            marked = [_marked(name, kind, heavy) for kind in METHODS if wanted(kind)]
            metafunc.parametrize(name, marked, ids=lambda kind: kind.__name__)


def _marked(name: str, kind: Any, heavy: bool) -> Any:
    """What compiles a method several times runs with one method of each shape always, with all others when slow."""
    rare = (name == "waiting_kind" or heavy) and kind not in ONE_A_SHAPE
    return pytest.param(kind, marks=pytest.mark.slow if rare else ())


def in_the_limit(method: Any) -> bool:
    """Whether it arrives by steps that shrink, later than any run ends."""
    return method.rate is not None


def biased(method: Any) -> bool:
    """Whether it seeks the optimum of F and never arrives."""
    return method.exact is not True and method.minimises == "F" and not in_the_limit(method)


def draws(method: Any) -> bool:
    """Whether something is drawn when it is settled: rows of data, or whom to call."""
    calls = pattern_of(method) == "peers" and method.asynchronous and not hasattr(method, "messages")
    return "sample_grad" in method.needs or calls


def stepping(method: Any) -> bool:
    """Whether it takes steps of a size, itself or in its local work."""
    return bool({"step_size", "local"} & {field.name for field in dataclasses.fields(method)})
