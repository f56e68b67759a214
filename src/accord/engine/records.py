"""Simulated seconds, and what a record has of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from accord.engine.session import Record


class Elapsed(NamedTuple):
    """Seconds on a virtual clock, summed as Kahan does: millions of short waits lose nothing, in float32 too."""

    seconds: Array
    missing: Array  # what rounding has left out of the sum so far

    @classmethod
    def none(cls, dtype: Any) -> Elapsed:
        """The clock has not begun to run."""
        return cls(jnp.zeros((), dtype), jnp.zeros((), dtype))

    def after(self, wait: Array) -> Elapsed:
        """Return the clock so many seconds later.

        >>> clock = Elapsed.none("float32")
        >>> float(clock.after(jnp.float32(1.5)).seconds)
        1.5
        """
        step = wait + self.missing
        seconds = self.seconds + step
        return Elapsed(seconds, step - (seconds - self.seconds))


class Staleness(NamedTuple):
    """The age of what was received: in updates between the message that an agent started from and its answer."""

    total: Array
    largest: Array
    count: Array

    @classmethod
    def none(cls) -> Staleness:
        """Return the staleness before anything was received."""
        zero = jnp.zeros((), jnp.int32)
        return cls(jnp.zeros((), jnp.float32), zero, zero)

    def update(self, d: Array) -> Staleness:
        """Return the staleness after one more answer of staleness d."""
        return Staleness(self.total + d.astype(jnp.float32), jnp.maximum(self.largest, d), self.count + 1)

    @property
    def mean(self) -> Array:
        """The mean over all that was received so far."""
        return self.total / jnp.maximum(self.count, 1).astype(jnp.float32)


def timed(record: Record, elapsed: Elapsed, staleness: Staleness) -> Record:
    """A record with the time at which it was taken."""
    return record._replace(clock=elapsed.seconds, staleness=staleness.mean, stalest=staleness.largest)
