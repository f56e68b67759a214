"""Fewer bytes a message: each vector of it is compressed at the sender and expanded at the receiver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from accord.channels.bit_packing import pack, unpack
from accord.core.kinds import known_keywords
from accord.core.pytrees import pytree
from accord.errors import MethodError


class Compressor(Protocol):
    """A compression of one vector; hashable. What `compress` returns crosses the wire."""

    def compress(self, x: Array, key: Array) -> Any: ...

    def decompress(self, wire: Any, d: int, dtype: Any) -> Array: ...


@pytree
@dataclass(frozen=True)
class Compressed:
    """A channel that squeezes every vector of a message by one compressor."""

    compressor: Compressor = field(metadata={"static": True})

    def init(self, message: Any) -> Any:
        """A shape to expand to, of no bytes."""
        return jax.tree.map(lambda leaf: jnp.zeros((leaf.size, 0), leaf.dtype), message)

    def encode(self, message: Any, memory: Any, key: Array) -> tuple[Any, Any]:
        leaves, tree = jax.tree.flatten(message)
        wires = [self.compressor.compress(x, jax.random.fold_in(key, i)) for i, x in enumerate(leaves)]
        return jax.tree.unflatten(tree, wires), memory

    def decode(self, wire: Any, memory: Any) -> tuple[Any, Any]:
        blanks, tree = jax.tree.flatten(memory)
        wires = tree.flatten_up_to(wire)
        vectors = [self.compressor.decompress(w, b.shape[0], b.dtype) for w, b in zip(wires, blanks, strict=True)]
        return jax.tree.unflatten(tree, vectors), memory


class Sparse(NamedTuple):
    """A few coordinates of a vector."""

    values: Array  # (k,)
    indices: Array  # (k,) int32


class Levels(NamedTuple):
    """Coordinates as whole numbers of so many bits, in units of the vector's own scale."""

    codes: Array  # uint8, packed
    scale: Array  # (1,)


class Powers(NamedTuple):
    """Coordinates as signed powers of two."""

    signs: Array  # uint8, eight a byte
    exponents: Array  # (d,) uint8; 0 is zero


@dataclass(frozen=True)
class TopK:
    """The k coordinates of largest size, and where they stand."""

    k: int

    def compress(self, x: Array, key: Array) -> Sparse:
        _, indices = jax.lax.top_k(jnp.abs(x), min(self.k, x.size))
        return Sparse(x[indices], indices.astype(jnp.int32))

    def decompress(self, wire: Sparse, d: int, dtype: Any) -> Array:
        return jnp.zeros(d, dtype).at[wire.indices].set(wire.values)


@dataclass(frozen=True)
class RandomK:
    """k coordinates drawn without replacement, scaled by d/k where the mean is to be kept."""

    k: int
    unbiased: bool

    def compress(self, x: Array, key: Array) -> Sparse:
        k = min(self.k, x.size)
        indices = jax.random.choice(key, x.size, (k,), replace=False).astype(jnp.int32)
        return Sparse(x[indices] * (x.size / k if self.unbiased else 1.0), indices)

    def decompress(self, wire: Sparse, d: int, dtype: Any) -> Array:
        return jnp.zeros(d, dtype).at[wire.indices].set(wire.values)


@dataclass(frozen=True)
class Quantise:
    """x ≈ scale/s · code, a whole number in [−s, s], s = 2^(bits−1) − 1, rounded at random so that the mean is kept."""

    bits: int
    norm: str

    def compress(self, x: Array, key: Array) -> Levels:
        s = 2 ** (self.bits - 1) - 1
        scale = jnp.max(jnp.abs(x)) if self.norm == "max" else jnp.linalg.norm(x)
        exact = jnp.abs(x) * (s / jnp.where(scale > 0, scale, 1))
        level = jnp.minimum(jnp.floor(exact + jax.random.uniform(key, x.shape, x.dtype)), s)
        codes = (jnp.sign(x) * level).astype(jnp.int32) + s
        return Levels(pack(codes.astype(jnp.uint32), self.bits), scale[None])

    def decompress(self, wire: Levels, d: int, dtype: Any) -> Array:
        s = 2 ** (self.bits - 1) - 1
        codes = unpack(wire.codes, d, self.bits).astype(jnp.int32) - s
        return codes.astype(dtype) * (wire.scale / s)


@dataclass(frozen=True)
class Natural:
    """Rounded at random to a power of two next to it, so that the mean is kept: a sign and eight bits of exponent."""

    def compress(self, x: Array, key: Array) -> Powers:
        mantissa, exponent = jnp.frexp(x)
        up = jax.random.uniform(key, x.shape, x.dtype) < 2 * jnp.abs(mantissa) - 1
        power = jnp.clip(exponent - 1 + up.astype(exponent.dtype) + 128, 0, 255)  # 2⁻¹²⁷ to 2¹²⁷
        return Powers(pack((x < 0).astype(jnp.uint32), 1), jnp.where(x == 0, 0, power).astype(jnp.uint8))

    def decompress(self, wire: Powers, d: int, dtype: Any) -> Array:
        power = wire.exponents.astype(jnp.int32)
        size = jnp.where(power > 0, jnp.ldexp(jnp.ones(d, dtype), power - 128), 0)
        return jnp.where(unpack(wire.signs, d, 1) > 0, -size, size)


@dataclass(frozen=True)
class Sign:
    """sign(x) · mean|x|: one bit a coordinate; zero counts as positive."""

    def compress(self, x: Array, key: Array) -> Levels:
        return Levels(pack((x < 0).astype(jnp.uint32), 1), jnp.mean(jnp.abs(x))[None])

    def decompress(self, wire: Levels, d: int, dtype: Any) -> Array:
        return jnp.where(unpack(wire.codes, d, 1) > 0, -wire.scale, wire.scale)


@known_keywords
def top_k(k: int) -> Compressed:
    """Send the k coordinates of largest size: 8 or 12 bytes each. Biased: use it within `changes` or `error_feedback`.

    >>> wire, _ = top_k(1).encode((jnp.array([1.0, -3.0, 2.0]),), (), jax.random.key(0))
    >>> wire[0].values.tolist(), wire[0].indices.tolist()
    ([-3.0], [1])
    """
    return Compressed(TopK(_count("top_k", "k", k)))


@known_keywords
def random_k(k: int, unbiased: bool = True) -> Compressed:
    """Send k coordinates drawn at random, times d/k so that the mean is kept; with `unbiased=False` as they are.

    >>> random_k(2)
    Compressed(compressor=RandomK(k=2, unbiased=True))
    """
    return Compressed(RandomK(_count("random_k", "k", k), unbiased))


@known_keywords
def quantise(bits: int, norm: str = "max") -> Compressed:
    """Send `bits` bits a coordinate, sign included, and one number a vector; the mean is kept.

    `norm`: what the unit is taken from: "max", the largest coordinate, or "l2", the length (QSGD, Alistarh et al.
    2017).

    >>> channel, x = quantise(2), jnp.array([2.0, 0.0, -2.0])
    >>> wire, memory = channel.encode((x,), channel.init((x,)), jax.random.key(0))
    >>> wire[0].codes.nbytes, channel.decode(wire, memory)[0][0].tolist()
    (1, [2.0, 0.0, -2.0])
    """
    if norm not in ("max", "l2"):
        raise MethodError(f"The channel quantise has norm={norm!r}. Give 'max' or 'l2'.")
    if not 2 <= _count("quantise", "bits", bits) <= 16:
        raise MethodError(f"The channel quantise has bits={bits}. Give 2 to 16, or `sign()` for one bit.")
    return Compressed(Quantise(bits, norm))


def natural() -> Compressed:
    """Send a sign and a power of two a coordinate, 9 bits; the mean is kept (Horváth et al. 2022).

    >>> natural()
    Compressed(compressor=Natural())
    """
    return Compressed(Natural())


def sign() -> Compressed:
    """Send the sign of every coordinate, and the mean size (Seide et al. 2014; Karimireddy et al. 2019). Biased.

    >>> sign()
    Compressed(compressor=Sign())
    """
    return Compressed(Sign())


def _count(channel: str, name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise MethodError(f"The channel {channel} has {name}={value}. Give a whole number of at least 1.")
    return int(value)
