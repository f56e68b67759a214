"""Connections between processes: what comes damaged is asked for again, and nobody waits for who is silent."""

from __future__ import annotations

import itertools
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest

import accord
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.timeouts import Timeouts
from accord.protocol.transports import tcp
from accord.protocol.transports.frames import HEADER_CRC, PREFIX, encode, read
from accord.protocol.transports.handshake import UNPROVEN, prove
from accord.protocol.transports.tcp import Sockets
from accord.runtimes import Threads
from accord.runtimes.workers.assignment import divide
from accord.runtimes.workers.async_server import session_of
from accord.runtimes.workers.worker import Worker

SECRET = b"secret" * 6
WORD = Envelope("a run", 1, "peer", 4, 3, 0, (np.arange(6.0).reshape(2, 3), 7, "words"))


@pytest.fixture
def pair() -> Iterator[tuple[Sockets, Sockets]]:
    """A host, and the worker 1 that it has introduced itself to."""
    host, worker = Sockets(COORDINATOR, SECRET), Sockets(1, SECRET, "127.0.0.1")
    host.introduce({1: worker.address})
    yield host, worker
    host.close()
    worker.close()


@contextmanager
def raw(worker: Sockets, sender: int) -> Iterator[Callable[[Envelope], bytes]]:
    """One who knows the secret, and sends what it likes: the frames that it would send, unsent."""
    with socket.create_connection(worker.address, timeout=10) as connection:
        proven, numbers = prove(connection, SECRET, sender, worker.own), itertools.count()
        connection.settimeout(10)

        def framed(envelope: Envelope) -> bytes:
            return encode(envelope, proven.sent, next(numbers))

        framed.sendall = connection.sendall
        yield framed


def test_fault_29_what_is_refused_is_reported_and_the_next_is_received(pair: tuple[Sockets, Sockets]) -> None:
    _, worker = pair
    with raw(worker, 2) as framed:
        damaged = bytearray(framed(WORD._replace(sender=2)))
        damaged[-20] ^= 4
        framed.sendall(bytes(damaged) + framed(WORD._replace(sender=2)))
        assert worker.receive(30) == Envelope("", 2, Kind.DAMAGED, 0, 0, 0, ())
        come = worker.receive(30)
        assert come is not None
        assert come.kind == Kind.PEER


def test_fault_29_who_cannot_be_understood_is_hung_up_on_and_connects_anew(pair: tuple[Sockets, Sockets]) -> None:
    _, worker = pair
    other = Sockets(2, SECRET, "127.0.0.1")
    other.address_book = {1: worker.address}
    other.send(1, WORD._replace(sender=2))
    assert worker.receive(30) is not None
    other.ways[1].connection.sendall(b"noise" * 20)
    deadline = time.monotonic() + 30
    while (come := worker.receive(0.05)) is None and time.monotonic() < deadline:
        other.send(1, WORD._replace(sender=2, round=9))  # said again, as it is asked for
    assert come is not None
    assert come.round == 9
    other.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"half a proof", bytes(64), struct.pack("!iQ", -1, 1 << 32) + bytes(52)],
    ids=["nothing", "half a proof", "a wrong proof", "as if 4 GB came"],
)
def test_fault_30_42_a_stranger_is_heard_for_64_bytes_and_keeps_nobody_waiting(
    content: bytes, pair: tuple[Sockets, Sockets]
) -> None:
    host, worker = pair
    with socket.create_connection(worker.address, timeout=30) as stranger:
        stranger.sendall(content)
        with raw(worker, 2):  # who comes after it is met
            pass
        host.send(1, WORD._replace(sender=COORDINATOR))
        assert worker.receive(30) is not None
        if len(content) == 64:
            assert len(stranger.recv(1000, socket.MSG_WAITALL)) == 64  # and then it is hung up on


def test_fault_42_one_at_the_place_of_another_is_not_spoken_to(pair: tuple[Sockets, Sockets]) -> None:
    """A relay at the port of one that died, which hands the proof on to another that knows the secret."""
    host, worker = pair
    host.address_book[2] = worker.address
    host.send(2, WORD._replace(sender=COORDINATOR))
    assert 2 not in host.ways
    assert worker.receive(0.2) is None


def test_fault_42_of_many_who_prove_nothing_the_oldest_give_way(pair: tuple[Sockets, Sockets]) -> None:
    _, worker = pair
    with ExitStack() as strangers:
        for _ in range(2 * UNPROVEN):
            strangers.enter_context(socket.create_connection(worker.address, timeout=10))
        with raw(worker, 2) as framed:
            framed.sendall(framed(WORD._replace(sender=2)))
            assert worker.receive(10) is not None
        assert len(worker.welcome.unproven) <= UNPROVEN


FLOOD = """
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
from accord.protocol.messages import Envelope
from accord.protocol.transports.tcp import Sockets
worker = Sockets(1, b"secret" * 6, "127.0.0.1")
print(*worker.address, flush=True)
come = worker.receive(60)
print("deaf" if come is None else come.kind, flush=True)
"""


def test_fault_42_a_process_out_of_files_hears_who_knows_the_secret_all_the_same() -> None:
    """More strangers than it may open files for."""
    with subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        machine, port = process.stdout.readline().split()
        with ExitStack() as strangers:
            for _ in range(100):
                strangers.enter_context(socket.create_connection((machine, int(port)), timeout=10))
            other = Sockets(2, SECRET)
            other.address_book = {1: (machine, int(port))}
            other.send(1, WORD._replace(sender=2))
            assert process.stdout.readline() == "peer\n"
            other.close()
    assert process.returncode == 0


def test_fault_34_who_speaks_in_the_name_of_another_is_not_heard(pair: tuple[Sockets, Sockets]) -> None:
    _, worker = pair
    with raw(worker, 2) as framed:
        for forged in (
            WORD._replace(sender=3),
            WORD._replace(sender=2, kind=Kind.LOST),
            WORD._replace(sender=2, round=9),
        ):
            framed.sendall(framed(forged))
        come = worker.receive(30)
    assert come is not None
    assert (come.sender, come.round) == (2, 9)


def test_fault_38_42_nobody_waits_for_who_does_not_read(pair: tuple[Sockets, Sockets]) -> None:
    """Large words to one that is frozen: the host goes on at once, and what it said first is whole when it is read."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, large = pair[0], np.random.default_rng(0).random(2_000_000)
    met: list[socket.socket] = []
    keys: list[bytes] = []

    def meets() -> None:
        connection, _ = listener.accept()
        keys.append(prove(connection, SECRET, 2).come)
        met.append(connection)

    frozen = threading.Thread(target=meets)
    frozen.start()
    host.address_book[2] = listener.getsockname()
    started = time.monotonic()
    for t in range(20):
        host.send(2, WORD._replace(sender=COORDINATOR, round=t, body=(large,)))
    assert time.monotonic() - started < 5
    assert len(host.ways[2].rest) <= tcp.WAITING
    frozen.join()
    listener.close()
    met[0].settimeout(30)
    for t in range(3):
        come = read(met[0], keys[0], t)
        assert come.round == t
        np.testing.assert_array_equal(come.body[0], large)
    met[0].close()


# runs


class Wired:
    """A runtime: workers in threads of this process, with real connections between them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def start(self, plan: Any) -> Any:
        parts, patience = divide(plan, self.workers), Timeouts(retry_interval=0.1)
        return session_of(plan)(plan, parts, Places(parts, patience.retry_interval), "this run", patience)


class Places(Sockets):
    """The host's end, which begins workers."""

    def __init__(self, parts: Any, again: float) -> None:
        super().__init__(COORDINATOR, SECRET)
        self.parts, self.again, self.revived = parts, again, 0
        self.introduce({worker: self.begin(worker) for worker in range(len(parts))})

    def begin(self, worker: int) -> tcp.Address:
        link = Sockets(worker, SECRET, "127.0.0.1")

        def life() -> None:
            Worker(self.parts[worker], "this run", link, worker, self.again).live()
            link.close()

        threading.Thread(target=life, daemon=True).start()
        return link.address

    def restart(self, worker: int) -> None:
        self.revived += 1
        self.forget(worker)
        self.introduce({**self.address_book, worker: self.begin(worker)})


class Damage:
    """In every tenth frame or so a bit is flipped, and four times where a frame begins."""

    def __init__(self) -> None:
        self.random, self.numbers, self.flipped = random.Random(3), itertools.count(1), {"head": 0, "content": 0}

    def __call__(self, envelope: Envelope, *of: Any) -> bytes:
        frame, number = bytearray(encode(envelope, *of)), next(self.numbers)
        if number % 90 == 0 and self.flipped["head"] < 4:
            self.flip(frame, "head", range(PREFIX.size + HEADER_CRC.size))
        elif self.random.random() < 0.1:
            self.flip(frame, "content", range(PREFIX.size + HEADER_CRC.size, len(frame)))
        return bytes(frame)

    def flip(self, frame: bytearray, where: str, places: range) -> None:
        self.flipped[where] += 1
        frame[self.random.choice(places)] ^= 1 << self.random.randrange(8)


PROBLEM = accord.problems.quadratic(np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]))
RING = accord.networks.ring(4)
RUNS: dict[str, Callable[..., accord.Run]] = {
    "a server, clients with a state": lambda **how: accord.run(PROBLEM, accord.SCAFFOLD(), participation=3, **how),
    "peers": lambda **how: accord.run(PROBLEM, accord.GradientTracking(), network=RING, **how),
}


@pytest.mark.parametrize("name", RUNS)
def test_fault_28_29_frames_that_come_damaged_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    damage = Damage()
    monkeypatch.setattr(tcp, "encode", damage)
    stop = accord.Stop(rounds=30, progress=0)
    disturbed = RUNS[name](runtime=Wired(2), stop=stop, record=1)
    assert damage.flipped["head"] == 4
    assert damage.flipped["content"] > 20
    undisturbed = RUNS[name](runtime=Threads(2), stop=stop, record=1)
    np.testing.assert_array_equal(disturbed.x, undisturbed.x)
    np.testing.assert_array_equal(disturbed.agents, undisturbed.agents)
    columns = [column for column in undisturbed.history if column != "seconds"]
    np.testing.assert_array_equal(disturbed.history[columns], undisturbed.history[columns])
