"""Envelopes as bytes: numbers, words and arrays, nothing that can be executed, in frames with a keyed checksum."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import socket
import struct
from collections.abc import Generator
from typing import Any

import jax.numpy as jnp
import numpy as np

from accord.protocol.messages import Envelope, Kind

MAGIC, VERSION = b"Accd", 3
LARGEST = 1 << 36
"""Bytes that a frame may claim; memory is taken as they come."""
AT_ONCE = 1 << 26
"""Bytes that are made room for before any has come."""

PREFIX = struct.Struct("<4sHIQ16s")  # mark, version, bytes of the head, bytes of head and arrays, their checksum
HEADER_CRC = struct.Struct("<16s")  # the checksum of the prefix, and of how many frames went before it
ALIGNMENT = 16  # arrays begin at multiples of it
Reading = Generator[None, None, Envelope]
DTYPES = {
    np.dtype(order + code).str: np.dtype(order + code)
    for order in "<>"
    for code in ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
} | {"bfloat16": np.dtype(jnp.bfloat16)}
"""Numbers that cross a link, by the name they have there."""
FIELDS = (str, int, str, int, int, int, list)  # of an envelope


class CorruptFrame(Exception):
    """A frame that is damaged or foreign; the next one can be read."""


class FramingError(Exception):
    """An input that is no frame, so that the beginning of the next is unknown."""


def checksum(content: Any, key: bytes, number: int | None = None) -> bytes:
    """BLAKE2b of 16 bytes under a key, which only both ends of a connection know; of the frame's number too."""
    found = hashlib.blake2b(content, key=key, digest_size=16)
    if number is not None:
        found.update(number.to_bytes(8, "little"))
    return found.digest()


def encode(envelope: Envelope, key: bytes = b"", number: int = 0) -> bytes:
    """A frame: its prefix and the seal of that, the head, which is JSON, and the arrays.

    - `key`: of the connection and the direction. `number`: of frames before it there, so that none can be repeated.

    >>> from accord.protocol.messages import Envelope
    >>> frame = encode(Envelope("run", 0, "models", 3, 0, 0, (np.eye(2), 7, "words")))
    >>> decode(frame[PREFIX.size + HEADER_CRC.size :], PREFIX.unpack_from(frame)[2]).body[1:]
    (7, 'words')
    """
    body = [np.asarray(part) if isinstance(part, np.generic) else part for part in envelope.body]
    head = json.dumps([*envelope[:6], [_described(part) for part in body]]).encode()
    pieces: list[Any] = [head, bytes(-len(head) % ALIGNMENT)]
    for part in body:
        if isinstance(part, np.ndarray):
            pieces += [np.asarray(part, order="C").reshape(-1).view(np.uint8), bytes(-part.nbytes % ALIGNMENT)]
    content = b"".join(pieces)
    prefix = PREFIX.pack(MAGIC, VERSION, len(head), len(content), checksum(content, key))
    return b"".join((prefix, HEADER_CRC.pack(checksum(prefix, key, number)), content))


def decode(content: bytes | memoryview, length: int) -> Envelope:
    """The envelope, whose head is so long; raises `CorruptFrame`."""
    try:
        head = json.loads(bytes(content[:length]))
        if not isinstance(head, list) or tuple(map(type, head)) != FIELDS:
            raise ValueError("its head is of another schema")
        run, sender, kind, number, round, phase, parts = head
        return Envelope(
            run, sender, Kind(kind), number, round, phase, _body(parts, content, length + -length % ALIGNMENT)
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptFrame(f"A frame is refused: {error}.") from error


def read(connection: socket.socket, key: bytes = b"", number: int = 0) -> Envelope:
    """The next envelope; raises `CorruptFrame`, `FramingError` and, where the other has hung up, `EOFError`."""
    waiting = reading(connection, 0, key, number)
    while True:
        try:
            next(waiting)
        except StopIteration as whole:
            return whole.value


def reading(connection: socket.socket, flags: int = 0, key: bytes = b"", number: int = 0) -> Reading:
    """The next envelope as it comes: where `flags` forbid waiting, a turn ends when no more of it is there."""
    start = yield from _filled(connection, PREFIX.size + HEADER_CRC.size, flags)
    mark, version, length, size, told = PREFIX.unpack_from(start)
    sealed = checksum(start[: PREFIX.size], key, number)
    if mark != MAGIC or not hmac.compare_digest(sealed, HEADER_CRC.unpack_from(start, PREFIX.size)[0]):
        raise FramingError("What came is no frame, or its beginning is damaged.")
    if version != VERSION:
        raise FramingError(f"The other speaks version {version} of frames, and this is version {VERSION}.")
    if not length <= size <= LARGEST:
        raise FramingError(f"A frame claims {size} bytes, of at most {LARGEST}, and {length} of them for its head.")
    content = yield from _filled(connection, size, flags)
    if not hmac.compare_digest(seen := checksum(content, key), told):
        raise CorruptFrame(f"A frame has the checksum {seen.hex()}, not {told.hex()}.")
    return decode(content, length)


def _filled(connection: socket.socket, size: int, flags: int) -> Generator[None, None, memoryview]:
    """Read so many bytes, with room made for at most twice as many as have come."""
    content, have = np.empty(min(size, AT_ONCE), np.uint8), 0
    while have < size:
        if have == len(content):
            content = np.concatenate([content, np.empty(min(have, size - have), np.uint8)])
        try:
            count = connection.recv_into(content.data[have:], 0, flags)
        except BlockingIOError:
            yield
            continue
        if not count:
            raise EOFError
        have += count
    return content.data


def _described(part: Any) -> Any:
    if not isinstance(part, np.ndarray):
        return part
    name = part.dtype.str if part.dtype.kind != "V" else part.dtype.name
    if name not in DTYPES:
        raise TypeError(f"Arrays of {part.dtype} cannot cross a link, only arrays of numbers.")
    return [name, list(part.shape)]


def _body(parts: list[Any], content: bytes | memoryview, offset: int) -> tuple[Any, ...]:
    body = []
    for part in parts:
        if not isinstance(part, list):
            body.append(part)
            continue
        (name, shape), end = part, len(content)
        if not isinstance(name, str) or name not in DTYPES:
            raise ValueError(f"{name!r} is no type of numbers that cross a link")
        dtype = DTYPES[name]
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or offset + size > end:
            raise ValueError(f"an array of {name} and shape {shape} is none of {end - offset} bytes of numbers")
        body.append(np.frombuffer(content, np.uint8, size, offset).view(dtype).reshape(shape))
        offset += size + -size % ALIGNMENT
    if offset != len(content):
        raise ValueError(f"{len(content) - offset} bytes belong to nothing")
    return tuple(body)
