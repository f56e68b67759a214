"""The invariant of average consensus: shares s of Σ p_k x_k and w of Σ p_k, averaged apart; s/w tends to the mean."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array


class WeightedSum(NamedTuple):
    """An agent's shares.

    >>> WeightedSum(s=jnp.array([1.0, 4.0]), w=jnp.array([2.0])).mean.tolist()
    [0.5, 2.0]
    """

    s: Array  # (d,) of the weighted sum of guesses
    w: Array  # (1,) of the sum of weights

    @property
    def mean(self) -> Array:
        """x = s/w; 0 where no weight has come yet."""
        return self.s / jnp.where(self.w > 0, self.w, 1)


def local_optimum(x: Array, agent: Any) -> WeightedSum:
    """Return an agent's first value: its own optimum, of many the one nearest to x, and its weight."""
    w = jnp.ones(1, x.dtype) * agent.scale
    return WeightedSum(w * agent.prox(x, 0.0), w)
