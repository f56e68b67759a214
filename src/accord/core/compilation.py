"""Compiled programs that live as long as the loss that they were compiled for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import jax


def jit_by_loss(function: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    """Give loss ↦ `jax.jit(function, **options)`: a function's programs go with it; other losses share theirs.

    A notebook's cell writes a new loss each time it is run, and JAX drops no program before the function it compiled.

    >>> value = jit_by_loss(lambda x: 2 * x)
    >>> loss = lambda x, row: (x - row) ** 2
    >>> value(loss) is value(loss), value(loss) is value(lambda x, row: x * row), float(value(loss)(1.5))
    (True, False, 3.0)
    """
    own: WeakKeyDictionary[FunctionType, Any] = WeakKeyDictionary()

    def jitted() -> Any:
        # A new function each time: JAX keeps the programs of one and the same together.
        return jax.jit(wraps(function)(lambda *given, **named: function(*given, **named)), **options)

    common = jitted()

    def of(loss: Any) -> Any:
        if not isinstance(loss, FunctionType):  # a frozen dataclass, say, which may equal one that comes later
            return common
        if (program := own.get(loss)) is None:
            program = own.setdefault(loss, jitted())
        return program

    return of
