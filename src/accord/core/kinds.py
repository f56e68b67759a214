"""Kinds of arguments: a number of any library, and a keyword that is not known refused by the nearest that is."""

from __future__ import annotations

import functools
import inspect
import reprlib
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from accord.errors import UnknownKeyword

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])


def number(value: Any) -> float | int | None:
    """A real number, of Python or of NumPy, a scalar or an array without axes, as Python's own; None of all else.

    >>> number(np.float32(0.5)), number(np.array(3)), number("10"), number(True), number([1.0])
    (0.5, 3, None, None, None)
    """
    if isinstance(value, bool | str | bytes) or np.ndim(value):
        return None
    try:
        array = np.asarray(value)
    except Exception:
        return None
    if array.ndim or array.dtype.kind not in "fiu":
        return None
    return int(array) if array.dtype.kind in "iu" else float(array)


def whole(value: Any) -> int | None:
    """A whole number likewise; 10.0 is one.

    >>> whole(np.int64(3)), whole(10.0), whole(2.5), whole("10")
    (3, 10, None, None)
    """
    found = number(value)
    return int(found) if found is not None and float(found).is_integer() else None


def shown(value: Any) -> str:
    """A value and its kind, for a refusal.

    >>> shown("10")
    "'10', of the kind str"
    """
    return f"{reprlib.repr(value)}, of the kind {type(value).__name__}"


TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """A name as it may be shown anywhere: what controls a terminal, turns the line, or is half a character, escaped.

    >>> printable("ward\\x1b[2J"), printable("Zürich")
    ('ward\\\\x1b[2J', 'Zürich')
    """
    unsafe = lambda one: one in TURNING or unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")  # noqa: E731
    return "".join(one.encode("unicode_escape").decode() if unsafe(one) else one for one in text)


def known_keywords(function: F, hints: dict[str, str] | None = None) -> F:
    """The function, refusing a keyword that it does not have by the nearest that it has.

    - `hints`: what to do instead, by keyword, where the nearest name would not help.

    >>> @known_keywords
    ... def step(step_size: float) -> float:
    ...     return step_size
    >>> step(stepsize=1.0)
    Traceback (most recent call last):
    accord.errors.UnknownKeyword: step has no argument called 'stepsize'. Did you mean 'step_size'?
    """
    parameters = inspect.signature(function).parameters
    known = frozenset(parameters)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function

    @functools.wraps(function)
    def checked(*given: Any, **named: Any) -> Any:
        if not named.keys() <= known:
            refuse(function.__name__, named, known, hints)
        return function(*given, **named)

    return checked  # pyright: ignore[reportReturnType]


def known_fields(cls: C, hints: dict[str, str] | None = None) -> C:
    """The class, whose constructor refuses a keyword that it does not have by the nearest that it has."""
    made: Any = cls.__init__
    known = frozenset(inspect.signature(made).parameters) - {"self"}

    @functools.wraps(made)
    def checked(self: Any, *given: Any, **named: Any) -> None:
        if not named.keys() <= known:
            refuse(cls.__name__, named, known, hints)
        made(self, *given, **named)

    cls.__init__ = checked  # pyright: ignore[reportAttributeAccessIssue]
    return cls


def refuse(name: str, named: Iterable[str], known: Iterable[str], hints: dict[str, str] | None = None) -> None:
    """Refuse the first keyword that is not known."""
    strange = next(keyword for keyword in named if keyword not in set(known))
    raise UnknownKeyword(name, strange, known, (hints or {}).get(strange, ""))
