"""A connection between any two processes that communicate: how bytes move from machine to machine."""

from __future__ import annotations

import queue
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.transports.frames import CorruptFrame, FramingError, encode, reading
from accord.protocol.transports.handshake import DEADLINE, Proven, Welcome, prove

Address = tuple[str, int]

WAITING = 8
"""Envelopes that wait for another to be read by who is slow; more are lost."""
AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0)


class Sockets:
    """A link over TCP. Both ends prove to each other that they know the run's secret.

    Before that nothing else is read, and every frame after it bears a checksum that only the two can make.

    Workers listen, and learn from the host where the others do. What cannot be sent is lost, and what comes damaged is
    refused: both are asked for again. Where a connection bears no frames any more, it is hung up. Only who connects is
    met by other threads: the thread that receives reads all connections, so that a message wakes none but its receiver.
    """

    def __init__(self, own: int, secret: bytes, machine: str | None = None) -> None:
        self.own, self.secret = own, secret
        self.address_book: dict[int, Address] = {}
        self.ways: dict[int, FrameWriter] = {}
        self.heard: deque[Envelope] = deque()  # and not received yet
        self.accepted: queue.SimpleQueue[tuple[Proven, socket.socket]] = queue.SimpleQueue()
        self.wake_receiver, self.wake_sender = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.wake_receiver, selectors.EVENT_READ, self._open)
        self.welcome = None if machine is None else Welcome(machine, secret, own, self._accept)

    @property
    def address(self) -> Address:
        """The address where this party listens."""
        assert self.welcome is not None  # the host does not listen: it connects to all
        return self.welcome.listener.getsockname()[:2]

    def send(self, to: int, envelope: Envelope) -> None:
        """Write it, or lose it where the other is not there; who was hung up on connects anew."""
        for _ in range(2):
            try:
                self._writer(to).write(envelope)
                return
            except OSError:
                if COORDINATOR in (self.own, to):  # whose reader knows that it has ended
                    return
                self.forget(to)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """The next that arrives; None where none does in so many seconds."""
        last = None if seconds is None else time.monotonic() + seconds
        while not self.heard:
            ready = self.selector.select(None if last is None else max(last - time.monotonic(), 0))
            if not ready and last is not None:
                return None
            for door, _ in ready:
                door.data()
        return self.heard.popleft()

    def introduce(self, book: dict[int, Address]) -> None:
        """Send all workers the addresses of all; those that have moved are connected to anew."""
        self._learn(book)
        for worker in book:
            self._send_address_book(worker)

    def forget(self, worker: int) -> None:
        """Close the connection of a party, from which nothing is received any more."""
        if (old := self.ways.pop(worker, None)) is not None:
            self._close_connection(old.connection)

    def close(self) -> None:
        """Hang up."""
        if self.welcome is not None:
            self.welcome.close()
        for way in list(self.ways.values()):
            _close_socket(way.connection)
        self.wake_sender.close()
        while not self.accepted.empty():
            self.accepted.get()[1].close()
        connections: list[Any] = [door.fileobj for door in self.selector.get_map().values()]
        for connection in connections:
            connection.close()
        self.selector.close()

    def _send_address_book(self, to: int) -> None:
        self._tell(
            to, Kind.ADDRESSES, *(part for worker, address in self.address_book.items() for part in (worker, *address))
        )

    def _tell(self, to: int, kind: Kind, *body: str | int) -> None:
        self.send(to, Envelope("", self.own, kind, 0, 0, 0, body))

    def _writer(self, to: int) -> FrameWriter:
        if to not in self.ways:
            if to not in self.address_book:
                raise ConnectionError  # its address is not known
            connection = socket.create_connection(self.address_book[to], timeout=DEADLINE)
            try:
                proven = prove(connection, self.secret, self.own, to)
            except OSError:
                connection.close()
                raise
            self.ways[to] = FrameWriter(connection, proven.sent)
            if self.own == COORDINATOR:  # who answers on the same connection
                self._poll(proven, connection)
        return self.ways[to]

    def _accept(self, proven: Proven, connection: socket.socket) -> None:
        """Accept a party that has proven the secret to the listening thread; the thread that receives reads it."""
        self.accepted.put((proven, connection))
        try:
            self.wake_sender.send(b"!")
        except OSError:  # no party is here any more
            connection.close()

    def _open(self) -> None:
        """Begin to receive from a party that has connected."""
        self.wake_receiver.recv(1)
        proven, connection = self.accepted.get()
        if proven.other == COORDINATOR:
            self.ways[COORDINATOR] = FrameWriter(connection, proven.sent)
        self._poll(proven, connection)

    def _poll(self, proven: Proven, connection: socket.socket) -> None:
        """From now on, receive from one party."""
        ear = FrameReader(connection, proven.come)
        self.selector.register(connection, selectors.EVENT_READ, partial(self._receive, proven.other, ear))

    def _receive(self, sender: int, ear: FrameReader) -> None:
        """Read what has come from one party, until it hangs up or cannot be understood."""
        try:
            self._sort(sender, ear.turn())
        except CorruptFrame:
            if sender == COORDINATOR:
                self._tell(COORDINATOR, Kind.UNREADABLE)
            self._report(sender, Kind.DAMAGED)
        except (OSError, EOFError, FramingError):
            self._close_connection(ear.connection)
            if sender in self.ways and self.ways[sender].connection is ear.connection:
                self._report(sender, Kind.LOST)

    def _sort(self, sender: int, envelope: Envelope | None) -> None:
        if envelope is None:
            return
        if envelope.kind == Kind.UNREADABLE:  # who has not understood the host
            if self.own == COORDINATOR:
                self._send_address_book(sender)
                self._report(sender, Kind.DAMAGED)
        elif envelope.kind == Kind.ADDRESSES and sender == COORDINATOR:
            of = envelope.body
            self._learn({of[i]: (of[i + 1], of[i + 2]) for i in range(0, len(of), 3)})
        elif envelope.sender == sender and envelope.kind not in (Kind.LOST, Kind.DAMAGED):
            self.heard.append(envelope)

    def _report(self, sender: int, kind: Kind) -> None:
        self.heard.append(Envelope("", sender, kind, 0, 0, 0, ()))

    def _close_connection(self, connection: socket.socket) -> None:
        with suppress(KeyError, ValueError):  # it was only written to
            self.selector.unregister(connection)
        _close_socket(connection)

    def _learn(self, book: dict[int, Address]) -> None:
        for worker in [worker for worker, address in self.address_book.items() if book.get(worker) != address]:
            self.forget(worker)
        self.address_book = dict(book)


class FrameReader:
    """The reading end of a connection: it never waits."""

    def __init__(self, connection: socket.socket, key: bytes) -> None:
        self.connection, self.key, self.number = connection, key, 0
        self.frame = reading(connection, AT_ONCE, key, 0)

    def turn(self) -> Envelope | None:
        """The next envelope, or None where not all of it has come."""
        try:
            return next(self.frame)
        except StopIteration as whole:
            self._next()
            return whole.value
        except CorruptFrame:
            self._next()
            raise

    def _next(self) -> None:
        self.number += 1
        self.frame = reading(self.connection, AT_ONCE, self.key, self.number)


class FrameWriter:
    """The writing end of a connection: it never waits, and what is not taken at once follows as it is."""

    def __init__(self, connection: socket.socket, key: bytes) -> None:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small messages are not held back (Nagle)
        self.connection, self.key, self.number, self.broken = connection, key, 0, False
        self.rest: deque[memoryview] = deque()
        self.lock = threading.Lock()

    def write(self, envelope: Envelope) -> None:
        """Send it, now or when there is room; lose it where too many wait. Raises `OSError` where no party is there."""
        with self.lock:
            if self.broken:
                raise ConnectionError
            if len(self.rest) >= WAITING:
                return
            left = memoryview(encode(envelope, self.key, self.number))
            self.number += 1
            if self.rest:
                self.rest.append(left)
                return
            with suppress(BlockingIOError):
                while left:
                    left = left[self.connection.send(left, AT_ONCE) :]
            if left:
                self.rest.append(left)
                threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while True:
            try:
                self.connection.sendall(self.rest[0])
            except OSError:
                self.broken = True
                return
            with self.lock:
                self.rest.popleft()
                if not self.rest:
                    return


def _close_socket(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
    connection.close()
