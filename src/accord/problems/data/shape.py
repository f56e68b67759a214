"""A decision is a flat vector inside, and the user's own pytree outside: this is the one place where they meet."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import ProblemError, UnknownName


class Shape(NamedTuple):
    """The structure of a pytree of parameters: hashable, so that equal structures share one compiled program."""

    tree: Any
    leaves: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, params: Any) -> Shape:
        """The shape of `params`, a pytree of floating arrays or numbers."""
        leaves, tree = jax.tree.flatten(params)
        return cls(tree, tuple(np.shape(leaf) for leaf in leaves))

    @property
    def size(self) -> int:
        """The number of numbers in a decision."""
        return sum(math.prod(leaf) for leaf in self.leaves)

    def flatten(self, params: Any) -> Array:
        """The pytree as one vector; a pytree of another structure is refused."""
        if (found := Shape.of(params)) != self:
            raise ProblemError(
                f"A decision has the structure {self.describe()}, but {found.describe()} was given. "
                "Give one of the same structure as x0."
            )
        leaves = [jnp.reshape(leaf, -1) for leaf in jax.tree.leaves(params)]
        if len(leaves) == 1:
            return leaves[0]
        x, first = jnp.zeros(self.size, jnp.result_type(*leaves)), 0
        for leaf in leaves:  # concatenated, XLA would write them entry by entry under a mask: slower than the training
            x = jax.lax.dynamic_update_slice_in_dim(x, leaf.astype(x.dtype), first, 0)
            first += leaf.size
        return x

    def unflatten(self, x: Any) -> Any:
        """The vector in the user's own structure."""
        if len(self.leaves) == 1:
            return jax.tree.unflatten(self.tree, [x.reshape(self.leaves[0])])
        ends = np.cumsum([math.prod(leaf) for leaf in self.leaves])
        parts = [x[end - math.prod(leaf) : end].reshape(leaf) for end, leaf in zip(ends, self.leaves, strict=True)]
        return jax.tree.unflatten(self.tree, parts)

    def places(self, parts: Any) -> tuple[tuple[int, int], ...]:
        """Return the places of parts in the vector, (first, end) each and in order: leaves or branches by their names,
        with dots between names, or such places themselves.

        >>> Shape.of({"body": np.zeros((2, 2)), "head": {"bias": 0.0, "slope": np.zeros(3)}}).places(("head",))
        ((4, 8),)
        """
        if isinstance(parts, str):
            raise ProblemError(f"The parts {parts!r} are one word. Give a tuple of names, ({parts!r},).")
        found = tuple(sorted(self._place(part) if isinstance(part, str) else tuple(part) for part in parts))
        edges = [place for pair in found for place in pair]
        if edges != sorted(edges) or not 0 <= edges[0] <= edges[-1] <= self.size or any(a >= b for a, b in found):
            raise ProblemError(
                f"The parts stand at {list(found)} of {self.size} places: they overlap, are empty, or "
                "lie outside. Name each part of a decision once."
            )
        return found

    def _place(self, name: str) -> tuple[int, int]:
        ends = np.cumsum([math.prod(leaf) for leaf in self.leaves])
        paths, _ = jax.tree_util.tree_flatten_with_path(jax.tree.unflatten(self.tree, range(len(self.leaves))))
        names = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths]
        found = [i for i, leaf in enumerate(names) if f"{leaf}.".startswith(f"{name}.")]
        if not found:
            raise UnknownName("part of the decision", name, filter(None, names))
        return int(ends[found[0]]) - math.prod(self.leaves[found[0]]), int(ends[found[-1]])

    def describe(self) -> str:
        """The structure in words, for messages."""
        return str(jax.tree.unflatten(self.tree, [f"{list(leaf)}" for leaf in self.leaves]))
