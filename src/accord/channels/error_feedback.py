"""Channels that remember: what was left out is sent later, or only what has changed is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from accord.channels.channel import Channel
from accord.core.pytrees import pytree
from accord.errors import MethodError


class FeedbackMemory(NamedTuple):
    """The memory at either end."""

    kept: Any  # the error so far, or x̂, what the receiver believes
    sender: Any  # the inner channel's
    receiver: Any


def _blank(channel: Channel, message: Any) -> FeedbackMemory:
    return FeedbackMemory(jax.tree.map(jnp.zeros_like, message), channel.init(message), channel.init(message))


@pytree
@dataclass(frozen=True)
class ErrorFeedback:
    """Sends Q(m + e) and keeps e⁺ = m + e − Q(m + e): what is left out today is sent tomorrow."""

    channel: Channel

    def init(self, message: Any) -> FeedbackMemory:
        return _blank(self.channel, message)

    def encode(self, message: Any, memory: FeedbackMemory, key: Array) -> tuple[Any, FeedbackMemory]:
        whole = jax.tree.map(jnp.add, message, memory.kept)
        wire, sender = self.channel.encode(whole, memory.sender, key)
        heard, receiver = self.channel.decode(wire, memory.receiver)
        return wire, FeedbackMemory(jax.tree.map(jnp.subtract, whole, heard), sender, receiver)

    def decode(self, wire: Any, memory: FeedbackMemory) -> tuple[Any, FeedbackMemory]:
        heard, receiver = self.channel.decode(wire, memory.receiver)
        return heard, memory._replace(receiver=receiver)


@pytree
@dataclass(frozen=True)
class Changes:
    """Sends q = Q(m − x̂); x̂ + q is what is received, and x̂⁺ = x̂ + α q what both ends remember."""

    channel: Channel
    alpha: float

    def init(self, message: Any) -> FeedbackMemory:
        return _blank(self.channel, message)

    def encode(self, message: Any, memory: FeedbackMemory, key: Array) -> tuple[Any, FeedbackMemory]:
        change = jax.tree.map(jnp.subtract, message, memory.kept)
        wire, sender = self.channel.encode(change, memory.sender, key)
        return wire, self.decode(wire, memory)[1]._replace(sender=sender)

    def decode(self, wire: Any, memory: FeedbackMemory) -> tuple[Any, FeedbackMemory]:
        q, receiver = self.channel.decode(wire, memory.receiver)
        heard = jax.tree.map(jnp.add, memory.kept, q)
        kept = jax.tree.map(lambda old, q: old + self.alpha * q, memory.kept, q)
        return heard, FeedbackMemory(kept, memory.sender, receiver)


def error_feedback(channel: Channel) -> ErrorFeedback:
    """Remember what a biased channel left out, and add it to the next message.

    For messages that add up, such as gradients and steps opposite a server (Seide et al. 2014; Karimireddy et al.
    2019).

    >>> from accord.channels import top_k
    >>> channel, m = error_feedback(top_k(1)), (jnp.array([2.0, 3.0]),)
    >>> _, memory = channel.encode(m, channel.init(m), jax.random.key(0))
    >>> memory.kept[0].tolist()
    [2.0, 0.0]
    """
    return ErrorFeedback(channel)


def changes(channel: Channel, alpha: float = 1.0) -> Changes:
    """Compress how a message has changed rather than the message: what is lost goes to 0 as the method converges.

    For messages that settle, such as models and trackers among peers (CHOCO, Koloskova et al. 2019; EF21, Richtárik et
    al. 2021), with `alpha` below 1 for an unbiased channel of large variance (LEAD, Liu et al. 2021).

    >>> from accord.channels import top_k
    >>> channel, m = changes(top_k(1)), (jnp.array([2.0, 3.0]),)
    >>> memory = channel.init(m)
    >>> for _ in range(2):
    ...     wire, memory = channel.encode(m, memory, jax.random.key(0))
    >>> memory.kept[0].tolist()
    [2.0, 3.0]
    """
    if not 0 < alpha <= 1:
        raise MethodError(f"The channel changes has alpha={alpha}. Give a share in (0, 1].")
    return Changes(channel, float(alpha))
