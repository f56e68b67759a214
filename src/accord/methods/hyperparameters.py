"""Hyper-parameters by their types: which are numbers that may vary without compiling anew, and which are counts."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import jax
import numpy as np

from accord.errors import MethodError
from accord.methods.defaults import Rule


class Local(Protocol):
    """Work that a client does between two messages; see `accord.methods.shared.local`."""

    rules: ClassVar[Mapping[str, Rule]]
    exact: ClassVar[Any]

    def __call__(
        self, agent: Any, x: jax.Array, key: jax.Array, shift: jax.Array | None = None, pull: Any = None
    ) -> jax.Array: ...

    def work(self, size: float) -> float:
        """Gradients of the whole shard that it costs an agent with `size` examples."""
        ...


class Stepping(Local, Protocol):
    """Local work in steps of one size, which can be counted."""

    @property
    def step_size(self) -> Any: ...

    def count(self, agent: Any) -> Any:
        """Return the number of steps of an agent, τ_k: `agent.steps` of those that it is asked for."""


class Regularizer(Protocol):
    """A term without a gradient that a composite method treats by its proximal operator."""

    def value(self, x: jax.Array) -> jax.Array: ...

    def prox(self, v: jax.Array, step: Any) -> jax.Array: ...


Kinds = tuple[Any, ...]
"""The types that something annotated may have, as written, None apart."""


def kinds_of(cls: type) -> dict[str, Kinds]:
    """The types of every field of a dataclass, however they are written: `Optional[float]`, in quotes, by an alias.

    Raises `MethodError` for an annotation whose names the class's module does not know.

    >>> @dataclasses.dataclass
    ... class Momentum:
    ...     step_size: "float | None" = None
    ...     steps: int = 1
    >>> kinds_of(Momentum)
    {'step_size': (<class 'float'>,), 'steps': (<class 'int'>,)}
    """
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, AttributeError) as error:
        raise MethodError(
            f"{cls.__name__} is annotated by a name that its module does not know: {error}. "
            "Annotate hyper-parameters by names of the module itself, as in step_size: float | None = None."
        ) from None
    return {f.name: alternatives(hints[f.name]) for f in dataclasses.fields(cls)}


def alternatives(hint: Any) -> Kinds:
    """The types that an annotation, no longer a text, allows.

    >>> alternatives(float | None), alternatives(list[int] | str)
    ((<class 'float'>,), (<class 'list'>, <class 'str'>))
    """
    hint = getattr(hint, "__value__", hint)  # of an alias by the keyword `type`
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(kind for one in typing.get_args(hint) for kind in alternatives(one))
    return () if hint is types.NoneType else (typing.get_origin(hint) or hint,)


def traced_fields(cls: type) -> frozenset[str]:
    """Names of the hyper-parameters that are leaves: numbers that may vary without compiling anew, or pytrees of such.

    >>> @dataclasses.dataclass
    ... class Momentum:
    ...     step_size: float | None = None
    ...     steps: int = 1
    >>> sorted(traced_fields(Momentum))
    ['step_size']
    """
    return frozenset(name for name, kinds in kinds_of(cls).items() if any(map(_is_numeric, kinds)))


def _is_numeric(kind: Any) -> bool:
    if kind in (Local, Stepping, Regularizer):
        return True
    return isinstance(kind, type) and (issubclass(kind, float | jax.Array | np.ndarray) or hasattr(kind, "traced"))


def is_count(kinds: Kinds) -> bool:
    """Return True where it is a whole number, and nothing else."""
    return kinds == (int,)


def is_number(kinds: Kinds) -> bool:
    """Return True where it is one number, whole or not, and nothing else: neither an array nor a number by agent."""
    return bool(kinds) and {int, float}.issuperset(kinds)
