"""An average that forgets: over the last two spans of rounds, which begin at the powers of two.

It covers from a half to three quarters of all rounds, so that a bad beginning is left behind.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array


class Span(NamedTuple):
    """A weighted sum over some rounds."""

    total: Array  # Σ w_s x_s
    weight: Array  # Σ w_s


class Spans(NamedTuple):
    """The span before, and the one that is running."""

    last: Span
    now: Span

    def add(self, x: Array, weight: Array, turn: Any) -> Spans:
        """Add one more round; on a `turn` a new span begins."""
        last = Span(*(jnp.where(turn, now, last) for now, last in zip(self.now, self.last, strict=True)))
        now = Span(*(jnp.where(turn, 0, now) for now in self.now))
        return Spans(last, Span(now.total + weight * x, now.weight + weight))

    @property
    def mean(self) -> Array:
        """The mean of both."""
        return (self.last.total + self.now.total) / (self.last.weight + self.now.weight)


def empty(x: Array) -> Spans:
    """Return the spans before the first round."""
    nothing = Span(jnp.zeros_like(x), jnp.zeros((), x.dtype))
    return Spans(nothing, nothing)
