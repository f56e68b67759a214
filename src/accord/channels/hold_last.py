"""Agents that fall silent for a while: the receiver uses the last message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.channels.channel import Clear
from accord.core.pytrees import pytree
from accord.errors import MethodError


class OutageMemory(NamedTuple):
    """The message that the receiver uses."""

    message: Any  # the last that was received
    left: Array  # rounds of silence to come; −1 before the first message


@pytree
@dataclass(frozen=True)
class Silence(Clear):
    """Now and then an agent falls silent, and its last message stands in for the one it would have sent."""

    rate: float
    rounds: int = field(metadata={"static": True})

    def init(self, message: Any) -> OutageMemory:
        return OutageMemory(jax.tree.map(jnp.zeros_like, message), jnp.full((), -1, jnp.int32))

    def encode(self, message: Any, memory: OutageMemory, key: Array) -> tuple[Any, OutageMemory]:
        begins = (memory.left == 0) & (jax.random.uniform(key) < self.rate)
        left = jnp.where(memory.left > 0, memory.left - 1, jnp.where(begins, self.rounds, 0))
        word = jax.tree.map(lambda last, now: jnp.where(left > 0, last, now), memory.message, message)
        return word, OutageMemory(word, left)

    def decode(self, wire: Any, memory: OutageMemory) -> tuple[Any, OutageMemory]:
        return wire, memory


def silence(rate: float, rounds: int) -> Silence:
    """An agent falls silent with probability `rate` a round, for `rounds` rounds; its last message stands in for it.

    For methods whose messages are complete in themselves, such as `ExchangeADMM`: where agents send where they are, not
    by how much they moved, an old message does no lasting harm. Bytes are counted as if it were sent again.

    >>> import accord
    >>> market = accord.problems.dispatch([0.004, 0.006, 0.009], [5.3, 5.5, 5.8], [500, 400, 200], None, None, 800)
    >>> run = accord.run(market, accord.ExchangeADMM(), channel=silence(0.1, rounds=5), stop=accord.Stop(rounds=400))
    >>> run.prices.round(6).tolist()
    [8.5]
    """
    if not 0 <= rate < 1:
        raise MethodError(f"silence({rate}, rounds={rounds}): a rate is a probability, of at least 0 and below 1.")
    if rounds != int(rounds) or rounds < 1:
        raise MethodError(f"silence({rate}, rounds={rounds}): give a whole number of rounds, at least 1.")
    return Silence(float(rate), int(rounds))
