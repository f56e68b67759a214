"""Values that are computed on first access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


@dataclass(frozen=True, eq=False)
class LazySequence(Sequence[Any]):
    """A list whose length is known, and which is made when it is first looked into.

    >>> squares = LazySequence(3, lambda: [0, 1, 4])
    >>> len(squares), squares[2], squares
    (3, 4, LazySequence(length=3))
    """

    length: int
    make: Callable[[], Sequence[Any]] = field(repr=False)

    @cached_property
    def _made(self) -> Sequence[Any]:
        return self.make()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, k: Any) -> Any:
        return self._made[k]
