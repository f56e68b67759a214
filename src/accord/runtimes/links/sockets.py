"""A connection between any two processes that speak: how bytes move from machine to machine."""

from __future__ import annotations

import queue
import socket
import threading
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener

from accord.runtimes.link import HOST, LOST, Envelope

Address = tuple[str, int]


class Sockets:
    """A link over TCP. Whoever connects proves that it knows the run's secret, before anything of it is read.

    Workers listen, and learn from the host where the others do. What cannot be sent is lost, and asked for again.
    """

    def __init__(self, own: int, secret: bytes, machine: str | None = None) -> None:
        self.own, self.secret = own, secret
        self.inbox: queue.SimpleQueue[Envelope] = queue.SimpleQueue()
        self.book: dict[int, Address] = {}
        self.connections: dict[int, Connection] = {}
        self.listener = None if machine is None else Listener((machine, 0), backlog=64, authkey=secret)
        if self.listener is not None:
            threading.Thread(target=self._welcome, args=(self.listener,), daemon=True).start()

    @property
    def address(self) -> Address:
        """Where this party listens."""
        assert self.listener is not None  # the host does not: it connects to all
        return self.listener.address  # pyright: ignore[reportReturnType]

    def send(self, to: int, envelope: Envelope) -> None:
        """Write it, or lose it where the other is not there."""
        with suppress(OSError):
            self._connected(to).send(envelope)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """The next that has been read."""
        with suppress(queue.Empty):
            return self.inbox.get(timeout=seconds)

    def introduce(self, book: dict[int, Address]) -> None:
        """Tell all workers where all workers listen; those that have moved are connected to anew."""
        self._learn(book)
        for worker in book:
            with suppress(OSError):
                self._connected(worker).send(book)

    def close(self) -> None:
        """Hang up."""
        if self.listener is not None:
            self.listener.close()
        for connection in self.connections.values():
            connection.close()

    def _connected(self, to: int) -> Connection:
        if to not in self.connections:
            if to not in self.book:
                raise ConnectionError  # nobody has said where it is
            connection = Client(self.book[to], authkey=self.secret)
            _hurried(connection)
            connection.send(self.own)
            self.connections[to] = connection
            if self.own == HOST:  # who answers on the same connection
                threading.Thread(target=self._read, args=(to, connection), daemon=True).start()
        return self.connections[to]

    def _welcome(self, listener: Listener) -> None:
        """Whoever knows the secret says who it is, and is read from then on."""
        while True:
            try:
                connection = listener.accept()
                _hurried(connection)
                sender = connection.recv()
            except (OSError, EOFError):
                if listener._listener is None:  # pyright: ignore[reportAttributeAccessIssue]
                    return  # closed
                continue
            except Exception:  # who does not know the secret is turned away
                continue
            if sender == HOST:
                self.connections[HOST] = connection
            threading.Thread(target=self._read, args=(sender, connection), daemon=True).start()

    def _read(self, sender: int, connection: Connection) -> None:
        with suppress(OSError, EOFError):
            while True:
                message = connection.recv()
                if isinstance(message, dict):
                    self._learn(message)
                else:
                    self.inbox.put(message)
        if self.connections.get(sender) is connection:
            self.inbox.put(Envelope("", sender, LOST, 0, 0, 0, ()))

    def _learn(self, book: dict[int, Address]) -> None:
        for worker in [worker for worker, address in self.book.items() if book.get(worker) != address]:
            if (old := self.connections.pop(worker, None)) is not None:
                old.close()
        self.book = dict(book)


def _hurried(connection: Connection) -> None:
    """Small words are not held back to be sent together (Nagle)."""
    with socket.socket(fileno=socket.dup(connection.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
