"""Shards that live elsewhere, in files or in a formula: fetched when their agents are asked, and let go again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from accord.errors import DataError, ProblemError
from accord.problems.data.shards import check_range, concatenated, field


@dataclass(frozen=True, eq=False, repr=False)
class Stored:
    """The shards of many agents, of which only those that are asked are ever in memory.

    - `fetch(ks) -> rows`: a pytree of arrays, the rows of the agents `ks` one after another in that order; called from
      a thread of its own, while the round before is computed.
    - `sizes`: (K,) how many rows each agent has.
    - `panel`: over how many agents, drawn once and kept, the objective is recorded: over all would be dear.
    - `names`: what the agents are called, their numbers unless given.

    It is used in place of a list of shards, and has a length and entries as one. What is fetched is checked then:
    raises `DataError` where it is of another size, structure or type than the first, or not finite.

    >>> import accord
    >>> squares = Stored(lambda ks: np.concatenate([np.full(2, float(k)) for k in ks]), sizes=np.full(10**6, 2))
    >>> len(squares), squares[999_999].tolist(), len(squares.examined)
    (1000000, [999999.0, 999999.0], 1000)
    """

    fetch: Callable[[np.ndarray], Any]
    sizes: np.ndarray
    panel: int = 1000
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        sizes = np.asarray(self.sizes)
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or not len(sizes) or sizes.min() < 0 or not sizes.any():
            raise DataError(
                "The sizes of stored shards are one whole number of rows an agent, not all of them 0. "
                f"Got {sizes.dtype} of shape {sizes.shape}."
            )
        if self.panel < 1:
            raise ProblemError(f"panel={self.panel}: record the objective over at least one agent.")
        sizes = sizes.copy()
        sizes.flags.writeable = False
        object.__setattr__(self, "sizes", sizes)

    def __repr__(self) -> str:
        """Return how many agents and rows there are; nothing is fetched for it."""
        return f"Stored({len(self):,} agents, {int(self.sizes.sum()):,} rows, panel={self.panel:,})"

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, k: int) -> Any:
        if not 0 <= k < len(self):
            raise IndexError(k)
        return self.rows(np.array([k]))

    def rows(self, ks: np.ndarray) -> Any:
        """The rows of these agents one after another, checked."""
        return self._checked(ks, jax.tree.map(np.asarray, self.fetch(ks)), self.model)

    def mapped(self, function: Callable[[np.ndarray, Any], Any]) -> Stored:
        """The same with every fetch passed through a function of the agents and their rows."""
        fetch = self.fetch
        return replace(self, fetch=lambda ks: function(ks, fetch(ks)))

    @cached_property
    def examined(self) -> np.ndarray:
        """The panel, in order; every agent with rows may be in it, each as likely as any other."""
        asked = np.flatnonzero(self.sizes)
        if len(asked) <= self.panel:
            return np.arange(len(self)) if len(self) <= self.panel else asked
        return np.sort(np.random.default_rng(0).choice(asked, self.panel, replace=False))

    @cached_property
    def model(self) -> Any:
        """One row, as all rows are."""
        k = int(np.argmax(self.sizes > 0))
        rows = jax.tree.map(np.asarray, self.fetch(np.array([k])))
        return self._checked(np.array([k]), rows, None)

    def _checked(self, ks: np.ndarray, rows: Any, model: Any) -> Any:
        expected = int(self.sizes[ks].sum())
        if model is not None and jax.tree.structure(rows) != jax.tree.structure(model):
            raise DataError(
                f"Agents {_named(ks)}: the rows that were fetched are structured as "
                f"{jax.tree.structure(rows)}, the others' as {jax.tree.structure(model)}."
            )
        for i, (path, leaf) in enumerate(jax.tree_util.tree_leaves_with_path(rows)):
            if leaf.ndim == 0 or len(leaf) != expected:
                raise DataError(
                    f"Agents {_named(ks)}: fetched {field(path)} of shape {leaf.shape}, but their sizes "
                    f"add up to {expected} rows. Return their rows one after another."
                )
            like = leaf if model is None else jax.tree.leaves(model)[i]
            if leaf.dtype.kind not in "fiub" or leaf.dtype != like.dtype or leaf.shape[1:] != like.shape[1:]:
                raise DataError(
                    f"Agents {_named(ks)}: a row of {field(path)} is {leaf.dtype}{list(leaf.shape[1:])}, "
                    f"but the first agent's is {like.dtype}{list(like.shape[1:])}, and numbers of one kind "
                    "are needed."
                )
            if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
                row = int(np.argmin(np.isfinite(leaf).reshape(len(leaf), -1).all(1)))
                raise DataError(
                    f"Agent {self.owner(ks, row)}: {field(path)} holds a value that is NaN or infinite. "
                    "Remove or impute it."
                )
        check_range((rows,))
        return rows

    def owner(self, ks: np.ndarray, row: int) -> int:
        """Return the agent to which a row of a fetch belongs."""
        return int(ks[np.searchsorted(np.cumsum(self.sizes[ks]), row, side="right")])


def generated(shard: Callable[[int], Any], sizes: Sequence[int] | np.ndarray, panel: int = 1000) -> Stored:
    """Shards that a function makes when they are asked for: `shard(k)` is a pytree of the rows of agent k.

    It must give the same rows each time, so draw from `np.random.default_rng([seed, k])`. `sizes`, `panel`: as of
    `Stored`.

    >>> crowd = generated(lambda k: np.random.default_rng([0, k]).normal(size=(3, 2)), sizes=np.full(100_000, 3))
    >>> crowd[7].shape, bool((crowd[7] == crowd[7]).all())
    ((3, 2), True)
    """

    sizes = np.asarray(sizes)

    def fetch(ks: np.ndarray) -> Any:
        shards = [shard(int(k)) for k in ks]
        for k, own in zip(ks.tolist(), shards, strict=True):
            if any(np.shape(leaf)[:1] != (sizes[k],) for leaf in jax.tree.leaves(own)):
                found = [np.shape(leaf) for leaf in jax.tree.leaves(own)]
                raise DataError(
                    f"Agent {k}: its size is {sizes[k]}, but its shard has arrays of the shapes {found}. "
                    "Give one row of each an example."
                )
        try:
            return concatenated(shards)
        except ValueError as error:
            raise DataError(
                f"The shards of agents {_named(ks)} do not go together: {error}. Give all agents the same "
                "fields, and the same columns in the same order."
            ) from error

    return Stored(fetch, sizes, panel)


def _named(ks: np.ndarray) -> str:
    shown = ", ".join(map(str, ks[:3].tolist()))
    return shown if len(ks) <= 3 else f"{shown}, ... ({len(ks)} of them)"
