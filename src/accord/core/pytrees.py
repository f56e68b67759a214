"""Dataclasses as pytrees that no compiled program takes for one another."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from types import FunctionType
from typing import Any, TypeVar
from weakref import ref

import jax

C = TypeVar("C", bound=type)


def pytree(cls: C) -> C:
    """Make a dataclass a pytree: a field whose metadata contain `static` is of its structure, any other is a subtree.

    JAX keeps structures for good. A function in a static field whose metadata contain `weak` too is not kept by them.

    >>> @pytree
    ... @dataclasses.dataclass(frozen=True)
    ... class Line:
    ...     slope: float
    ...     name: str = dataclasses.field(default="", metadata={"static": True})
    >>> jax.tree.map(lambda number: 2 * number, Line(1.5, "steep"))
    Line(slope=3.0, name='steep')
    """
    fields = dataclasses.fields(cls)
    register(cls, *([f.name for f in fields if f.metadata.get(kind)] for kind in ("static", "weak")))
    return cls


def register(cls: type[Any], static: Collection[str], weak: Collection[str] = ()) -> None:
    """Make a dataclass a pytree, of whose structure its fields `static` are; those of them in `weak` by reference.

    Not by JAX's `register_dataclass`: there (0.10) two classes with as many fields have equal structures, and a
    jitted function then now and then answers for the one with the program that it was compiled to for the other.
    """
    static = tuple(static)
    traced = tuple(f.name for f in dataclasses.fields(cls) if f.name not in static)
    keys = tuple(map(jax.tree_util.GetAttrKey, traced))

    def flatten(value: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        held = tuple(_weak(getattr(value, name)) if name in weak else getattr(value, name) for name in static)
        return tuple(getattr(value, name) for name in traced), held

    def with_keys(value: Any) -> tuple[tuple[tuple[Any, Any], ...], tuple[Any, ...]]:
        leaves, held = flatten(value)
        return tuple(zip(keys, leaves, strict=True)), held

    def unflatten(held: tuple[Any, ...], leaves: Any) -> Any:
        value = object.__new__(cls)
        for name, part in (*zip(static, held, strict=True), *zip(traced, leaves, strict=True)):
            object.__setattr__(value, name, part() if name in weak and isinstance(part, ref) else part)
        return value

    jax.tree_util.register_pytree_with_keys(cls, with_keys, unflatten, flatten)


def _weak(value: Any) -> Any:
    """A reference to a function, the same for the same; any other value may equal one that outlives it, and stays."""
    return ref(value) if isinstance(value, FunctionType) else value
