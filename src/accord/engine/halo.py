"""What crosses between a part of the agents and the others, and what is heard of all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from accord.core.pytrees import pytree


@pytree
@dataclass(frozen=True)
class Halo:
    """Words are rows, one an agent, or one an agent and neighbour: first those said here, then those of the others.

    >>> border = Halo(out=(jnp.array([1]),), order=jnp.array([2, 0, 1]))
    >>> said = jnp.array([10, 11])
    >>> border.out_of(said)[0].tolist(), border.heard(said, (jnp.array([12]),)).tolist()
    ([11], [12, 10, 11])
    """

    out: tuple[Any, ...]  # for each other worker, the rows of what is said here that are heard there
    order: Any  # for each word that is heard here, its row among all

    def gather(self, said: Any) -> tuple[Any, ...]:
        """What goes to each other worker."""
        return tuple(jax.tree.map(lambda leaf, rows=rows: leaf[rows], said) for rows in self.out)

    def received(self, said: Any, come: tuple[Any, ...]) -> Any:
        """What is heard here, of what is said here and what has come from each other worker."""
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[self.order], said, *come)
