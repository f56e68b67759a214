"""An envelope as bytes: a damaged or a forged frame is refused, and nothing in it is executed."""

from __future__ import annotations

import json
import pickle
import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.protocol.messages import Envelope
from accord.protocol.transports.frames import (
    HEADER_CRC,
    LARGEST,
    MAGIC,
    PREFIX,
    VERSION,
    CorruptFrame,
    FramingError,
    checksum,
    encode,
    read,
)

START = PREFIX.size + HEADER_CRC.size
WORD = Envelope("a run", 1, "peer", 4, 3, 0, (np.arange(6.0).reshape(2, 3), 7, "words", np.float32(2.5)))


def heard(content: bytes) -> Envelope:
    """What the other end of a connection reads of it, and then the end."""
    here, there = socket.socketpair()
    with here, there:
        sender = threading.Thread(target=lambda: (here.sendall(content), here.shutdown(socket.SHUT_WR)))
        sender.start()
        try:
            return read(there)
        finally:
            there.close()
            sender.join()


def framed(head: bytes, behind: bytes = b"", *, version: int = VERSION, size: int | None = None) -> bytes:
    """A frame that anybody could make who knows how."""
    content = head + bytes(-len(head) % 16) + behind
    prefix = PREFIX.pack(MAGIC, version, len(head), len(content) if size is None else size, checksum(content, b""))
    return prefix + HEADER_CRC.pack(checksum(prefix, b"", 0)) + content


def with_parts(*parts: Any, content: bytes = b"") -> bytes:
    return framed(json.dumps(["a run", 1, "peer", 4, 3, 0, list(parts)]).encode(), content)


TYPES = st.sampled_from(["f8", "f4", "c16", "i8", "i4", "u4", "u1", "?", ">f8"])


@given(arrays.arrays(TYPES, arrays.array_shapes(min_dims=0, min_side=0)), st.text(), st.integers())
def test_what_is_packed_is_read_bit_for_bit(array: np.ndarray, word: str, number: int) -> None:
    body = heard(encode(Envelope("run", 1, "peer", 2, 3, 4, (array, word, array.T, number)))).body
    assert body[1::2] == (word, number)
    for one, other in ((array, body[0]), (array.T, body[2])):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    body[0][...] = 0  # is the reader's own


def test_fault_29_a_frame_with_any_bit_flipped_is_refused() -> None:
    frame = encode(WORD)
    for place in range(len(frame)):
        flipped = bytearray(frame)
        flipped[place] ^= 1 << place % 8
        with pytest.raises((CorruptFrame, FramingError)):
            heard(bytes(flipped))


def test_fault_29_the_wrong_checksum_is_named() -> None:
    frame = bytearray(encode(WORD))
    frame[-30] ^= 1
    with pytest.raises(CorruptFrame, match=f"checksum [0-9a-f]{{32}}, not {checksum(encode(WORD)[START:], b'').hex()}"):
        heard(bytes(frame))


def test_fault_29_a_frame_cut_off_anywhere_is_none() -> None:
    frame = encode(WORD)
    for length in range(len(frame)):
        with pytest.raises(EOFError):
            heard(frame[:length])


def test_fault_30_a_damaged_length_is_refused_before_anything_is_allocated() -> None:
    frame = bytearray(encode(WORD))
    struct.pack_into("<Q", frame, struct.calcsize("<4sHI"), 1 << 32)
    assert peak_of(lambda: refusal(bytes(frame), "its beginning is damaged")) < 1e6


def test_fault_30_a_length_beyond_all_measure_is_refused_before_anything_is_allocated() -> None:
    frame = framed(b"[]", size=LARGEST + 1)
    assert peak_of(lambda: refusal(frame, f"claims {LARGEST + 1} bytes")) < 1e6


def test_fault_30_four_gigabytes_that_are_claimed_and_do_not_come_are_not_allocated() -> None:
    def claimed() -> None:
        with pytest.raises(EOFError):
            heard(framed(b"[]", size=1 << 32))

    assert peak_of(claimed) < 1e8


def peak_of(act: Callable[[], None]) -> int:
    """Bytes that were allocated at most."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal(frame: bytes, words: str) -> None:
    with pytest.raises((CorruptFrame, FramingError), match=words):
        heard(frame)


def test_more_than_is_made_room_for_at_once_comes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.protocol.transports.frames.AT_ONCE", 1000)
    large = np.random.default_rng(0).random(54_321)
    np.testing.assert_array_equal(heard(encode(WORD._replace(body=(large,)))).body[0], large)


def test_fault_31_deep_nesting_is_refused() -> None:
    refusal(framed(b"[" * 100_000), "A frame is refused: maximum recursion")


class Trap:
    """What touches a file if it is ever unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("place", ["as a frame", "within a frame", "as a head", "as an array of objects"])
def test_fault_32_nothing_of_a_pickle_is_executed(place: str, tmp_path: Path) -> None:
    harm = pickle.dumps(Trap(tmp_path / "executed"))
    harmful = np.frombuffer(harm + bytes(-len(harm) % 16), np.uint8)
    frame = {
        "as a frame": struct.pack("!i", len(harm)) + harm,  # as multiprocessing sends it
        "within a frame": framed(b"", harm),
        "as a head": framed(harm),
        "as an array of objects": with_parts(["O", [len(harmful) // 8]], content=harmful.tobytes()),
    }[place]
    with pytest.raises((CorruptFrame, FramingError)):
        heard(frame)
    assert not (tmp_path / "executed").exists()
    pickle.loads(harm)  # it is a trap
    assert (tmp_path / "executed").exists()


def test_fault_32_an_array_of_objects_is_not_sent() -> None:
    with pytest.raises(TypeError, match="only arrays of numbers"):
        encode(WORD._replace(body=(np.array([{}]),)))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (framed(b"[]", version=7), "version 7 of frames, and this is version 3"),
        (framed(b"{}"), "another schema"),
        (framed(b'["a run", "1", "peer", 4, 3, 0, []]'), "another schema"),
        (framed(b'["a run", 1, "peer", 4, 3, []]'), "another schema"),
        (framed(b'["a run", 1, "sing", 4, 3, 0, []]'), "'sing' is not a valid Kind"),
        (with_parts(["<f8", [3]], content=bytes(16)), r"shape \[3\] is none of 16 bytes"),
        (with_parts(["<f8", [-1]], content=bytes(16)), r"shape \[-1\] is none"),
        (with_parts(["no such type", [2]], content=bytes(16)), "no such type"),
        (with_parts(["(2,f8", [2]], content=bytes(16)), "no type of numbers"),
        (with_parts(["(2,)f8", [1]], content=bytes(16)), "no type of numbers"),
        (with_parts([["f8"], [1]], content=bytes(16)), "no type of numbers"),
        (with_parts(["<M8[s]", [2]], content=bytes(16)), "no type of numbers"),
        (with_parts(["<f8", [2]], content=bytes(32)), "16 bytes belong to nothing"),
        (framed(b"", b"no head"), "A frame is refused"),
        (b"GET / HTTP/1.1\r\nHost: accord\r\nUser-Agent: a browser\r\n\r\n", "no frame"),
    ],
    ids=str,
)
def test_fault_33_another_version_or_schema_is_refused(frame: bytes, words: str) -> None:
    refusal(frame, words)


KEY = bytes(range(32))


def of_key(frame: bytes, key: bytes, number: int) -> Envelope:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(frame)
        return read(there, key, number)


def test_a_frame_is_read_by_who_knows_its_key_and_its_number() -> None:
    frame = encode(WORD, KEY, 5)
    assert of_key(frame, KEY, 5).kind == "peer"
    for key, number in ((KEY[::-1], 5), (b"", 5), (KEY, 4), (KEY, 6)):  # altered or repeated by who has no key
        with pytest.raises(FramingError):
            of_key(frame, key, number)


def test_what_a_relay_alters_is_refused_though_it_knows_how_frames_are_made() -> None:
    """The unkeyed checksum of another content, under the seal that the sender has made."""
    frame, other = encode(WORD, KEY, 0), encode(WORD._replace(kind="done"), b"", 0)
    with pytest.raises(CorruptFrame):
        of_key(frame[:START] + other[START:], KEY, 0)
    with pytest.raises(FramingError):
        of_key(other, KEY, 0)


def test_bfloat16_crosses() -> None:
    array = np.asarray(jnp.arange(4, dtype=jnp.bfloat16))
    come = heard(encode(WORD._replace(body=(array,)))).body[0]
    assert come.dtype == array.dtype
    np.testing.assert_array_equal(come, array)
