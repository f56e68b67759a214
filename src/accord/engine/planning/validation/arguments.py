"""Arguments: their kinds, their ranges, their precision."""

from __future__ import annotations

import reprlib
from dataclasses import is_dataclass, replace
from typing import Any

import jax
import numpy as np

from accord.core.kinds import number
from accord.engine.planning.validation.compatibility import columns_of
from accord.errors import MethodError, UnknownName
from accord.methods.hyperparameters import is_count, is_number, kinds_of
from accord.problems.data.shape import Shape


def cohort_size(method: Any, pattern: str, participation: Any, K: int) -> int:
    """Give the number of clients a round; in asynchronous runs, of those at work at a time."""
    name = type(method).__name__
    if participation is None:
        return K
    if pattern == "peers":
        raise MethodError(f"{name} has no server to choose a cohort. Let agents sleep instead: network.sleep(p).")
    if not method.partial:
        raise MethodError(f"{name} needs every agent's answer each round. Leave participation out.")
    share = number(participation)
    if share is None or not 0 < share <= (1 if isinstance(share, float) else K):
        raise MethodError(
            f"participation={participation}: give a share in (0, 1] or a number of clients from 1 to {K}."
        )
    return max(1, round(share * K)) if isinstance(share, float) else share


def with_personal_places(method: Any, shape: Shape, table: Any) -> Any:
    """The method with its personal parts as places in the flat vector; of a table's model they are its columns."""
    if not hasattr(method, "personal"):
        return method
    personal, columns = method.personal, columns_of(table)
    if columns and not personal:
        raise MethodError(
            f"{type(method).__name__} keeps nothing at home without personal parts, and so is FedAvg. "
            f"Give columns of the table: personal=({columns[-1]!r},)."
        )
    if shape.leaves == ((len(columns),),) and not isinstance(personal, str):
        if strange := [part for part in personal if isinstance(part, str) and part not in columns]:
            raise UnknownName("column", strange[0], columns)
        places = {name: (i, i + 1) for i, name in enumerate(columns)}
        personal = tuple(places[part] if isinstance(part, str) else part for part in personal)
    return replace(method, personal=shape.places(personal)) if personal else method


def check_hyperparameters(method: Any) -> None:
    """FAULTS 21: a step, a penalty or a count that is no number, not positive, or in parts."""
    for part in (method, getattr(method, "local", None)):
        if part is None:
            continue
        if not is_dataclass(part):
            raise MethodError(
                f"{type(method).__name__} has local={part!r}. Give accord.SGD(...) or accord.GradientDescent(...)."
            )
        zeros: tuple[str, ...] = getattr(part, "may_be_zero", ())
        for name, kinds in kinds_of(type(part)).items():
            value, whole = getattr(part, name), is_count(kinds)
            if value is None or not is_number(kinds):
                continue
            number = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu"
            least = number and (value > 0 or (value == 0 and name in zeros))
            if not (least and np.isfinite(value) and (not whole or value == int(value))):
                raise MethodError(
                    f"{type(part).__name__} has {name}={reprlib.repr(value)}. "
                    f"Give a positive {'whole number' if whole else 'number'}, or leave it out to have it chosen."
                )


def in_precision_of(method: Any, dtype: np.dtype) -> Any:
    """Return every hyper-parameter as an array of the run's precision, so that a new value compiles nothing anew."""

    def number(leaf: Any) -> np.ndarray:
        try:
            return np.asarray(leaf, dtype)
        except (TypeError, ValueError) as error:
            raise MethodError(
                f"{type(method).__name__} has {reprlib.repr(leaf)}, of the kind {type(leaf).__name__}, "
                "where numbers belong. A term of your own is a frozen dataclass of its numbers, with "
                "@accord.problems.pytree above it."
            ) from error

    return jax.tree.map(number, method)
