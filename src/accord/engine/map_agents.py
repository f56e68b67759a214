"""The map of one function over many agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


def map_agents(function: Callable[..., Any], axes: tuple[Any, ...], in_turn: bool = False) -> Callable[..., Any]:
    """`vmap`: all agents at once; or, `in_turn`, one after another.

    >>> map_agents(lambda x, y: x + y, (0, None))(jax.numpy.arange(3), jax.numpy.ones((), "int32")).tolist()
    [1, 2, 3]
    """

    def over(*given: Any) -> Any:
        if in_turn and all(axis is None or type(axis) is int for axis in axes):
            return _sequential(function, axes, given)
        return jax.vmap(function, axes)(*given)

    return over


def _sequential(function: Callable[..., Any], axes: tuple[Any, ...], given: tuple[Any, ...]) -> Any:
    own = [value for value, axis in zip(given, axes, strict=True) if axis == 0]

    def one(own: list[Any]) -> Any:
        its = iter(own)
        return function(*(value if axis is None else next(its) for value, axis in zip(given, axes, strict=True)))

    return jax.lax.map(one, own)
