"""Channels, which change a message on its way: pairs (encode, decode), chained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from accord.core.kinds import known_keywords
from accord.core.pytrees import pytree
from accord.errors import MethodError

Message = Any


class Channel(Protocol):
    """A frozen dataclass that is a pytree; a message is a NamedTuple of vectors.

    What `encode` returns crosses the wire: its type and bytes are what leaves an agent. `memory` is what the channel
    keeps from round to round, `()` for most: one at the sender, one at the receiver, both begun by `init`.
    """

    def init(self, message: Message) -> Any: ...

    def encode(self, message: Message, memory: Any, key: Array) -> tuple[Any, Any]: ...

    def decode(self, wire: Any, memory: Any) -> tuple[Message, Any]: ...


@pytree
@dataclass(frozen=True)
class Clear:
    """The identity: what is sent is received.

    >>> Clear().encode(jnp.ones(2), (), jax.random.key(0))[0].tolist()
    [1.0, 1.0]
    """

    def init(self, message: Message) -> tuple[()]:
        return ()

    def encode(self, message: Message, memory: tuple[()], key: Array) -> tuple[Message, tuple[()]]:
        return message, memory

    def decode(self, wire: Message, memory: tuple[()]) -> tuple[Message, tuple[()]]:
        return wire, memory


@pytree
@dataclass(frozen=True)
class Clip(Clear):
    """m·min(1, bound/‖m‖), over all fields of the message together.

    >>> Clip(1.0).encode(jnp.array([3.0, 4.0]), (), jax.random.key(0))[0].round(3).tolist()
    [0.6, 0.8]
    """

    bound: float

    def encode(self, message: Message, memory: tuple[()], key: Array) -> tuple[Message, tuple[()]]:
        norm = jnp.sqrt(sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(message)))
        factor = jnp.minimum(1.0, self.bound / jnp.where(norm > 0, norm, 1)).astype(norm.dtype)
        return jax.tree.map(lambda leaf: leaf * factor, message), memory


@pytree
@dataclass(frozen=True)
class GaussianNoise(Clear):
    """m + σ·N(0, I): every number of the message gets noise of its own, drawn at the agent.

    >>> GaussianNoise(0.0).encode(jnp.ones(2), (), jax.random.key(0))[0].tolist()
    [1.0, 1.0]
    """

    scale: float

    def encode(self, message: Message, memory: tuple[()], key: Array) -> tuple[Message, tuple[()]]:
        leaves, tree = jax.tree.flatten(message)
        noisy = [
            leaf + self.scale * jax.random.normal(jax.random.fold_in(key, i), leaf.shape, leaf.dtype)
            for i, leaf in enumerate(leaves)
        ]
        return jax.tree.unflatten(tree, noisy), memory


@pytree
@dataclass(frozen=True)
class Chain:
    """One channel after another: encoded from first to last, decoded from last to first."""

    links: tuple[Channel, ...]

    def init(self, message: Message) -> tuple[Any, ...]:
        memories = []
        for link in self.links:
            memories.append(link.init(message))
            message = link.encode(message, memories[-1], jax.random.key(0))[0]
        return tuple(memories)

    def encode(self, message: Message, memory: tuple[Any, ...], key: Array) -> tuple[Any, tuple[Any, ...]]:
        kept = []
        for i, (link, own) in enumerate(zip(self.links, memory, strict=True)):
            message, own = link.encode(message, own, jax.random.fold_in(key, i))
            kept.append(own)
        return message, tuple(kept)

    def decode(self, wire: Any, memory: tuple[Any, ...]) -> tuple[Message, tuple[Any, ...]]:
        kept = []
        for link, own in reversed(list(zip(self.links, memory, strict=True))):
            wire, own = link.decode(wire, own)
            kept.insert(0, own)
        return wire, tuple(kept)


@known_keywords
def clip(bound: float) -> Clip:
    """Scale a message down to norm `bound` where it is longer.

    >>> clip(1.0)
    Clip(bound=1.0)
    """
    return Clip(_positive("clip", "bound", bound))


@known_keywords
def gaussian_noise(scale: float) -> GaussianNoise:
    """Add independent Gaussian noise of standard deviation `scale`, in the units of the message.

    >>> gaussian_noise(0.5)
    GaussianNoise(scale=0.5)
    """
    return GaussianNoise(_positive("gaussian_noise", "scale", scale))


def chain(*channels: Channel) -> Chain:
    """Channels one after another: `chain(clip(1.0), gaussian_noise(0.5))` clips, then adds noise.

    >>> chain(clip(1.0), gaussian_noise(0.5)).links
    (Clip(bound=1.0), GaussianNoise(scale=0.5))
    """
    return Chain(channels)


def _positive(channel: str, name: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise MethodError(
            f"The channel {channel} has {name}={value}. Give a positive number, or leave the channel out."
        )
    return float(value)
