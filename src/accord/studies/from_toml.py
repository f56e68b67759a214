"""From a table of TOML to the thing it describes: its keys are the arguments of what makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from accord.errors import AccordError, MissingExtra
from accord.methods.hyperparameters import Regularizer, alternatives
from accord.studies.toml_source import Path, Source

Make = Callable[..., Any]

WORDS = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
KINDS: Mapping[type, tuple[type, ...]] = {float: (int, float), int: (int,), bool: (bool,), str: (str,)}


def build(
    make: Make, table: Mapping[str, Any], source: Source, path: Path, also: Iterable[str] = (), **fixed: Any
) -> Any:
    """`make` with the entries of a table as arguments, each checked against its signature.

    - `path`: where the table stands. `also`: keys that it may have besides. `fixed`: arguments that it may not give.

    Raises `StudyError` for a key that nothing asks for, a key that is missing, a value of the wrong kind, and whatever
    `make` itself refuses.
    """
    offered = {
        name: p
        for name, p in _parameters(make).items()
        if name not in fixed and Regularizer not in alternatives(p.annotation)
    }
    for key, value in table.items():
        if key not in offered:
            raise source.unknown((*path, key), "key", key, [*offered, *also], f" in {_title(path)}")
        if wanted := _unfit(value, offered[key].annotation):
            raise source.error((*path, key), f"{key} = {_shown(value)} in {_title(path)}. Give {wanted}.")
    for key, parameter in offered.items():
        if parameter.default is parameter.empty and key not in table:
            raise source.error(path, f"{_title(path)} lacks the key {key!r}. Give it.")
    try:
        return make(**table, **fixed)
    except MissingExtra:
        raise  # nothing is wrong with the study
    except (AccordError, TypeError, ValueError, OSError) as error:
        raise source.error(path, f"{_title(path)}: {error}") from error


def chosen(
    kinds: Mapping[str, Make], table: Mapping[str, Any], source: Source, path: Path, key: str = "kind"
) -> tuple[Make, dict[str, Any]]:
    """Return the meaning of a table's `kind` (or `name`), and the rest of the table."""
    if key not in table:
        raise source.error(path, f"{_title(path)} lacks its {key}. There is: {', '.join(sorted(kinds))}.")
    if table[key] not in list(kinds):
        raise source.unknown((*path, key), key, table[key], kinds, f" in {_title(path)}")
    return kinds[table[key]], {other: value for other, value in table.items() if other != key}


def _parameters(make: Make) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function, annotated by types; by texts where a study's module lacks them."""
    try:
        return inspect.signature(make, eval_str=True).parameters
    except NameError:
        return inspect.signature(make).parameters


def _unfit(value: Any, annotation: Any) -> str | None:
    """Return what a value should be, where it is not; what has no simple type is left to the function itself."""
    if annotation is Any and isinstance(value, list):
        return None if _numeric(value) else "an array of numbers"
    wanted = alternatives(annotation)
    if jax.Array in wanted:  # a number, to optax; or one an agent, which the method looks at
        return None if isinstance(value, (bool, int, float, list, dict)) else "a number"
    if any(kind not in KINDS for kind in wanted):
        return None
    fits = any(isinstance(value, KINDS[kind]) and isinstance(value, bool) == (kind is bool) for kind in wanted)
    return None if fits else " or ".join(WORDS[kind] for kind in wanted)


def _numeric(value: list[Any]) -> bool:
    try:
        return np.asarray(value).dtype.kind in "fi"
    except ValueError:  # ragged
        return False


def _shown(value: Any) -> str:
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def _title(path: Path) -> str:
    return f"[{'.'.join(str(part) for part in path if isinstance(part, str))}]"
