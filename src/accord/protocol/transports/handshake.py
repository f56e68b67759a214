"""Proof that both ends of a connection know the secret of the run, and a thread that has strangers prove it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import NamedTuple

DEADLINE = 10.0
"""Seconds for a whole proof, whatever comes of it meanwhile."""
UNPROVEN = 64
"""Connections at a time that have proven nothing yet; of more, the oldest gives way."""
CONNECTS, LISTENS = b"who connects", b"who listens"
OPENING = struct.Struct("<ii24s")  # the own number, that of the party one wants to reach, and a nonce


class Proven(NamedTuple):
    """The party at the other end of a connection, and the keys of the frames in either direction."""

    other: int
    sent: bytes
    come: bytes


def proving(
    connection: socket.socket, secret: bytes, own: int, wanted: int | None = None
) -> Generator[None, None, Proven]:
    """Show that one knows the secret and see that the other does, without sending it; a turn ends where it would wait.

    Each opens with its number and a nonce, and answers with HMAC(secret, role, both openings): so the proof binds both
    numbers, and is of no use on any other connection. The party that connects names the other as `wanted`; for one that
    listens `wanted` is None. Raises `OSError` where the other does not know the secret, or is not the one that was
    wanted.
    """
    role, other = (LISTENS, CONNECTS) if wanted is None else (CONNECTS, LISTENS)
    mine = OPENING.pack(own, own if wanted is None else wanted, secrets.token_bytes(24))
    connection.sendall(mine)
    theirs = yield from _exactly(connection, OPENING.size)
    both = mine + theirs if role == CONNECTS else theirs + mine
    proof, key = ({word: _derived(secret, use + word + both) for word in (role, other)} for use in (b"proof ", b"key "))
    connection.sendall(proof[role])
    if not hmac.compare_digest((yield from _exactly(connection, 32)), proof[other]):
        raise PermissionError("The other does not know the secret of the run.")
    who, whom, _ = OPENING.unpack(theirs)
    if (who != wanted) if role == CONNECTS else (whom != own):
        raise PermissionError("Another listens there than the one that was wanted.")
    return Proven(who, key[role], key[other])


def prove(connection: socket.socket, secret: bytes, own: int, wanted: int | None = None) -> Proven:
    """The same, waited for; raises `TimeoutError` where it is not done by the deadline, all in all."""
    last = time.monotonic() + DEADLINE
    connection.setblocking(False)
    turns = proving(connection, secret, own, wanted)
    with selectors.DefaultSelector() as ready:
        ready.register(connection, selectors.EVENT_READ)
        while True:
            try:
                next(turns)
            except StopIteration as done:
                return done.value
            if not ready.select(max(last - time.monotonic(), 0)) and time.monotonic() >= last:
                raise TimeoutError("The other has proven nothing in time.")


class Welcome:
    """A listener and its thread: strangers prove that they know the secret, and are then handed on.

    It goes on whatever a stranger does, and where the process has no more files to open: then, and where too many have
    proven nothing yet, the oldest of those is hung up on. None has more than the deadline for all of its proof.
    """

    def __init__(self, machine: str, secret: bytes, own: int, met: Callable[[Proven, socket.socket], None]) -> None:
        self.secret, self.own, self.met = secret, own, met
        self.listener = socket.create_server((machine, 0), backlog=UNPROVEN)
        self.listener.setblocking(False)
        self.unproven: dict[socket.socket, tuple[Generator[None, None, Proven], float]] = {}  # oldest first
        self.ready = selectors.DefaultSelector()
        self.ready.register(self.listener, selectors.EVENT_READ)
        self.closed = False
        threading.Thread(target=self._live, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self.closed = True
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which closes what it has

    def _live(self) -> None:
        while not self.closed:
            for door, _ in self.ready.select(0.5):
                if door.fileobj is self.listener:
                    self._accept()
                else:
                    self._turn(door.fileobj)  # pyright: ignore[reportArgumentType]
            now = time.monotonic()
            for late in [one for one, (_, last) in self.unproven.items() if last < now]:
                self._drop(late)
        for one in list(self.unproven):
            self._drop(one)
        self.ready.close()
        self.listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:  # who has thought better of it; or there are no more files to open
            if not self._drop_oldest():
                time.sleep(0.02)
            return
        if len(self.unproven) >= UNPROVEN:
            self._drop_oldest()
        connection.setblocking(False)
        self.unproven[connection] = proving(connection, self.secret, self.own), time.monotonic() + DEADLINE
        try:
            self.ready.register(connection, selectors.EVENT_READ)
        except OSError:
            self._drop(connection)
            return
        self._turn(connection)

    def _turn(self, connection: socket.socket) -> None:
        """Advance a proof: hand on a connection that has proven the secret, and close one that does not know it."""
        if connection not in self.unproven:
            return
        try:
            next(self.unproven[connection][0])
        except StopIteration as done:
            self.ready.unregister(connection)
            del self.unproven[connection]
            self.met(done.value, connection)
        except OSError:
            self._drop(connection)

    def _drop_oldest(self) -> bool:
        for oldest in self.unproven:
            self._drop(oldest)
            return True
        return False

    def _drop(self, connection: socket.socket) -> None:
        with suppress(KeyError, ValueError):
            self.ready.unregister(connection)
        self.unproven.pop(connection, None)
        connection.close()


def _derived(secret: bytes, words: bytes) -> bytes:
    return hmac.digest(secret, words, hashlib.sha256)


def _exactly(connection: socket.socket, size: int) -> Generator[None, None, bytes]:
    content = b""
    while len(content) < size:
        try:
            piece = connection.recv(size - len(content))
        except BlockingIOError:
            yield
            continue
        if not piece:
            raise ConnectionError
        content += piece
    return content
