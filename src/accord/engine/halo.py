"""The exchange between a part of the agents and the others, and what the part receives in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from accord.core.pytrees import pytree


@pytree
@dataclass(frozen=True)
class Halo:
    """Messages are rows, one an agent, or one an agent and neighbour: first those sent here, then those of the others.

    >>> border = Halo(out=(jnp.array([1]),), order=jnp.array([2, 0, 1]))
    >>> said = jnp.array([10, 11])
    >>> border.gather(said)[0].tolist(), border.received(said, (jnp.array([12]),)).tolist()
    ([11], [12, 10, 11])
    """

    out: tuple[Any, ...]  # for each other worker, the rows of what is sent here that are received there
    order: Any  # for each message that is received here, its row among all

    def gather(self, said: Any) -> tuple[Any, ...]:
        """Return the messages to each other worker."""
        return tuple(jax.tree.map(lambda leaf, rows=rows: leaf[rows], said) for rows in self.out)

    def received(self, said: Any, come: tuple[Any, ...]) -> Any:
        """Merge what is sent here and what has come from each other worker, in the order in which it is read here."""
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[self.order], said, *come)
