"""Envelopes as bytes: numbers, words and arrays, of which nothing can be executed, in frames that bear a checksum."""

from __future__ import annotations

import json
import math
import socket
import struct
import zlib
from collections.abc import Generator
from typing import Any

import numpy as np

from accord.runtimes.link import Envelope

MARK, VERSION = b"Accd", 1
LARGEST = 1 << 36
"""Bytes that a frame may claim; memory is taken as they come."""
AT_ONCE = 1 << 26
"""Bytes that are made room for before any has come."""

PREFIX = struct.Struct("<4sHIQI")  # mark, version, bytes of the head, bytes of head and arrays, their CRC-32
SEAL = struct.Struct("<I")  # the CRC-32 of the prefix
STEP = 16  # arrays begin at multiples of it
Reading = Generator[None, None, Envelope]
FIELDS = (str, int, str, int, int, int, list)  # of an envelope


class Refused(Exception):
    """A frame that is damaged or foreign; the next one can be read."""


class Astray(Exception):
    """What comes is no frame, so that nobody knows where the next begins."""


def packed(envelope: Envelope) -> bytes:
    """A frame: its prefix and the seal of that, the head, which is JSON, and the arrays.

    >>> from accord.runtimes.link import Envelope
    >>> frame = packed(Envelope("run", 0, "models", 3, 0, 0, (np.eye(2), 7, "words")))
    >>> unpacked(frame[PREFIX.size + SEAL.size :], PREFIX.unpack_from(frame)[2]).body[1:]
    (7, 'words')
    """
    body = [np.asarray(part) if isinstance(part, np.generic) else part for part in envelope.body]
    head = json.dumps([*envelope[:6], [_described(part) for part in body]]).encode()
    pieces: list[Any] = [head, bytes(-len(head) % STEP)]
    for part in body:
        if isinstance(part, np.ndarray):
            pieces += [np.asarray(part, order="C").reshape(-1).view(np.uint8), bytes(-part.nbytes % STEP)]
    content = b"".join(pieces)
    prefix = PREFIX.pack(MARK, VERSION, len(head), len(content), zlib.crc32(content))
    return b"".join((prefix, SEAL.pack(zlib.crc32(prefix)), content))


def unpacked(content: bytes | memoryview, length: int) -> Envelope:
    """The envelope, whose head is so long; raises `Refused`."""
    try:
        head = json.loads(bytes(content[:length]))
        if not isinstance(head, list) or tuple(map(type, head)) != FIELDS:
            raise ValueError("its head is of another schema")
        run, sender, kind, number, round, phase, parts = head
        return Envelope(run, sender, kind, number, round, phase, _body(parts, content, length + -length % STEP))
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused(f"A frame is refused: {error}.") from error


def read(connection: socket.socket) -> Envelope:
    """The next envelope; raises `Refused`, `Astray` and, where the other has hung up, `EOFError`."""
    waiting = reading(connection)
    while True:
        try:
            next(waiting)
        except StopIteration as whole:
            return whole.value


def reading(connection: socket.socket, flags: int = 0) -> Reading:
    """The next envelope as it comes: where `flags` say not to wait, a turn ends when no more of it is there."""
    start = yield from _filled(connection, PREFIX.size + SEAL.size, flags)
    mark, version, length, size, checksum = PREFIX.unpack_from(start)
    if mark != MARK or zlib.crc32(start[: PREFIX.size]) != SEAL.unpack_from(start, PREFIX.size)[0]:
        raise Astray("What came is no frame, or its beginning is damaged.")
    if version != VERSION:
        raise Astray(f"The other speaks version {version} of frames, and this is version {VERSION}.")
    if not length <= size <= LARGEST:
        raise Astray(f"A frame claims {size} bytes, of at most {LARGEST}, and {length} of them for its head.")
    content = yield from _filled(connection, size, flags)
    if (seen := zlib.crc32(content)) != checksum:
        raise Refused(f"A frame has the checksum {seen:08x}, not {checksum:08x}.")
    return unpacked(content, length)


def _filled(connection: socket.socket, size: int, flags: int) -> Generator[None, None, memoryview]:
    """So many bytes, with room made for at most twice as many as have come."""
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
    if part.dtype.hasobject:
        raise TypeError("Arrays of objects cannot cross a link, only arrays of numbers.")
    return [part.dtype.str if part.dtype.kind != "V" else part.dtype.name, list(part.shape)]


def _body(parts: list[Any], content: bytes | memoryview, offset: int) -> tuple[Any, ...]:
    body = []
    for part in parts:
        if not isinstance(part, list):
            body.append(part)
            continue
        (name, shape), end = part, len(content)
        dtype = np.dtype(name)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or min(shape, default=0) < 0 or offset + size > end:
            raise ValueError(f"an array of {name} and shape {shape} is none of {end - offset} bytes of numbers")
        body.append(np.frombuffer(content, np.uint8, size, offset).view(dtype).reshape(shape))
        offset += size + -size % STEP
    if offset != len(content):
        raise ValueError(f"{len(content) - offset} bytes belong to nothing")
    return tuple(body)
