"""Channels of fewer bytes: the bytes that cross, what is heard, what is kept on average, what is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord import channels
from accord.channels.bit_packing import pack, unpack
from accord.errors import MethodError

D = 21
RANDOM = np.random.default_rng(0)


class Message(NamedTuple):
    x: Any
    y: Any


def message(dtype: Any = np.float64) -> Message:
    return Message(jnp.asarray(RANDOM.normal(size=D), dtype), jnp.asarray(RANDOM.normal(size=D), dtype))


def sent(channel: Any, m: Any, seed: int = 0) -> tuple[bytes, Any]:
    """The bytes that cross, and what is heard once those bytes have been read again."""
    memory = channel.init(m)
    wire, _ = channel.encode(m, memory, jax.random.key(seed))
    leaves, tree = jax.tree.flatten(wire)
    crossing = [np.asarray(leaf).tobytes() for leaf in leaves]
    read = [np.frombuffer(b, leaf.dtype).reshape(leaf.shape) for b, leaf in zip(crossing, leaves, strict=True)]
    return b"".join(crossing), channel.decode(jax.tree.unflatten(tree, read), memory)[0]


BYTES = {  # of a vector of D numbers of so many bytes each
    "top_k": (channels.top_k(4), lambda width: 4 * (width + 4)),
    "random_k": (channels.random_k(4), lambda width: 4 * (width + 4)),
    "quantise 2": (channels.quantise(2), lambda width: -(-2 * D // 8) + width),
    "quantise 5": (channels.quantise(5, norm="l2"), lambda width: -(-5 * D // 8) + width),
    "quantise 11": (channels.quantise(11), lambda width: -(-11 * D // 8) + width),
    "natural": (channels.natural(), lambda width: -(-D // 8) + D),
    "sign": (channels.sign(), lambda width: -(-D // 8) + width),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", BYTES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_crosses_is_counted_to_the_byte(name: str, dtype: Any) -> None:
    channel, size = BYTES[name]
    m = message(dtype)
    crossing, heard = sent(channel, m)
    assert len(crossing) == 2 * size(np.dtype(dtype).itemsize)
    assert [leaf.dtype for leaf in heard] == [dtype, dtype]
    assert [leaf.shape for leaf in heard] == [(D,), (D,)]


def test_a_run_reports_those_bytes() -> None:
    problem = accord.problems.quadratic(H=np.ones((4, D)), c=RANDOM.normal(size=(4, D)))
    network = accord.networks.ring(4)
    run = accord.run(problem, accord.BEER(), network=network, channel=channels.quantise(2), stop=accord.Stop(rounds=3))
    assert run.history["bytes"].iloc[-1] == 3 * network.links * 2 * (6 + 8)


@pytest.mark.usefixtures("float64")
def test_top_k_is_the_best_approximation_by_k_coordinates() -> None:
    m = message()
    _, heard = sent(channels.top_k(5), m)
    for x, told in zip(m, heard, strict=True):
        largest = np.argsort(-np.abs(x))[:5]
        np.testing.assert_array_equal(told, np.where(np.isin(np.arange(D), largest), x, 0))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", [name for name in BYTES if name not in ("top_k", "sign")])
def test_the_mean_is_kept(name: str) -> None:
    """Over n draws the mean is within 5 standard errors of x, and the draws differ."""
    channel, m, n = BYTES[name][0], message(), 2000
    memory = channel.init(m)

    def hear(key: Any) -> Any:
        return channel.decode(channel.encode(m, memory, key)[0], memory)[0].x

    draws = np.asarray(jax.vmap(hear)(jax.random.split(jax.random.key(1), n)))
    spread = draws.std(0)
    assert spread.max() > 0
    assert (np.abs(draws.mean(0) - m.x) <= 5 * spread / np.sqrt(n) + 1e-12).all()


@pytest.mark.usefixtures("float64")
def test_natural_rounds_to_a_power_of_two_on_either_side() -> None:
    x = jnp.array([0.0, 1.0, -4.0, 3.0, -0.3, 1e-60, 2.0**-127, 1e300])
    _, (heard,) = sent(channels.natural(), (x,))
    np.testing.assert_array_equal(heard[:3], [0.0, 1.0, -4.0])
    assert heard[3] in (2.0, 4.0)
    assert heard[4] in (-0.25, -0.5)
    np.testing.assert_array_equal(heard[5:], [0.0, 2.0**-127, 2.0**127])  # eight bits of exponent reach no further


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", BYTES)
def test_nothing_said_is_nothing_heard(name: str) -> None:
    _, heard = sent(BYTES[name][0], Message(jnp.zeros(D), jnp.zeros(D)))
    np.testing.assert_array_equal(heard, 0)


@pytest.mark.usefixtures("float64")
def test_the_sign_carries_the_mean_size() -> None:
    _, (heard,) = sent(channels.sign(), (jnp.array([3.0, -1.0, 2.0]),))
    np.testing.assert_array_equal(heard, [2.0, -2.0, 2.0])


@pytest.mark.parametrize("bits", [1, 2, 3, 7, 8, 13])
def test_packing_loses_nothing_and_wastes_less_than_a_byte(bits: int) -> None:
    codes = jnp.asarray(RANDOM.integers(0, 2**bits, D), jnp.uint32)
    packed = pack(codes, bits)
    assert packed.nbytes == -(-D * bits // 8)
    np.testing.assert_array_equal(unpack(packed, D, bits), codes)


@pytest.mark.usefixtures("float64")
def test_error_feedback_loses_nothing_in_the_long_run() -> None:
    """Σ heard + e = Σ said, each round."""
    channel = channels.error_feedback(channels.top_k(2))
    m = message()
    speaker = listener = channel.init(m)
    said, heard = np.zeros(D), np.zeros(D)
    for t in range(9):
        wire, speaker = channel.encode(m, speaker, jax.random.key(t))
        told, listener = channel.decode(wire, listener)
        said, heard = said + np.asarray(m.x), heard + np.asarray(told.x)
        np.testing.assert_allclose(heard + speaker.kept.x, said, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_changes_are_remembered_alike_at_both_ends_and_arrive() -> None:
    channel = channels.changes(channels.top_k(3))
    m = message()
    speaker = listener = channel.init(m)
    for t in range(D // 3):
        wire, speaker = channel.encode(m, speaker, jax.random.key(t))
        told, listener = channel.decode(wire, listener)
        np.testing.assert_array_equal(speaker.kept.y, listener.kept.y)
        np.testing.assert_array_equal(told.y, listener.kept.y)
    np.testing.assert_allclose(told.y, m.y, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: channels.top_k(0), "top_k has k=0"),
        (lambda: channels.random_k(1.5), "random_k has k=1.5"),
        (lambda: channels.quantise(1), "quantise has bits=1"),
        (lambda: channels.quantise(4, norm="l1"), "norm='l1'"),
        (lambda: channels.changes(channels.sign(), alpha=2.0), "alpha=2.0"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, told: str) -> None:
    with pytest.raises(MethodError, match=told):
        make()
