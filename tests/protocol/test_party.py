"""A worker's party: each request is executed once, whatever arrives again, late or for its predecessor."""

from __future__ import annotations

import math

import numpy as np

from accord.protocol.driver import PartyDriver
from accord.protocol.events import Close, Compute, Continue, Damaged, Exchanging, Finished, Lost, Received, Send, Tick
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.party import Party
from accord.protocol.peer_exchange import PeerExchange


def party(started: bool = True) -> Party:
    """Worker 0, which exchanges messages with worker 1; it has replied to request 1, or nothing has arrived yet."""
    found = Party(PeerExchange("run", 0, (1,), (1,)), 1.0)
    if started:
        found.handle(Received(request(Kind.START, 1)), 0.0)
        found.handle(Finished(()), 0.0)
    return found


def request(kind: Kind, number: int) -> Envelope:
    return Envelope("run", COORDINATOR, kind, number, 0, 0, ())


def message(number: int, value: float) -> Envelope:
    return Envelope("run", 1, Kind.PEER, number, 0, 0, (np.array(value),))


def test_fault_23_27_a_repeated_request_has_the_same_reply_and_an_older_one_none() -> None:
    asked = party()
    assert asked.handle(Received(request(Kind.LOSSES, 2)), 0.0) == [Compute(request(Kind.LOSSES, 2))]
    assert asked.handle(Received(request(Kind.LOSSES, 2)), 0.0) == []  # at work on it
    (first,) = asked.handle(Finished((7,)), 0.0)
    assert first == Send(COORDINATOR, Envelope("run", 0, Kind.LOSSES, 2, 0, 0, (7,)))
    assert asked.handle(Received(request(Kind.LOSSES, 2)), 0.0) == [first]
    assert asked.handle(Received(request(Kind.START, 1)), 0.0) == []
    assert asked.handle(Received(request(Kind.LOSSES, 3)._replace(run="another run")), 0.0) == []


def test_fault_36_a_worker_without_a_state_ignores_what_its_predecessor_was_asked() -> None:
    blank = party(started=False)
    assert blank.handle(Received(request(Kind.RESPOND, 8)), 0.0) == []
    assert blank.handle(Received(request(Kind.RESTORE, 9)), 0.0) == [Compute(request(Kind.RESTORE, 9))]


def test_an_exchange_continues_when_all_messages_are_there_and_asks_for_those_that_are_not() -> None:
    busy = party()
    busy.handle(Received(request(Kind.ADVANCE, 2)), 0.0)
    (sent,) = busy.handle(Exchanging(0, 0, ((np.array(1.0),),)), 0.0)
    assert (sent.to, sent.envelope.kind, busy.wake_at) == (1, Kind.PEER, 1.0)
    again = Send(1, Envelope("run", 0, Kind.RESEND, 2, 0, 0, ()))
    assert busy.handle(Tick(), 0.5) == []
    assert busy.handle(Tick(), 1.0) == [again]
    assert busy.handle(Damaged(1), 1.1) == [again]
    assert busy.handle(Received(message(2, 5.0)), 1.2) == [Continue(((np.array(5.0),),))]
    assert busy.wake_at == math.inf


def test_fault_37_a_newer_request_amid_an_exchange_drops_the_computation_and_an_older_one_does_not() -> None:
    busy, closed = party(), list[int]()

    def compute(request: Envelope):
        try:
            yield Exchanging(0, 0, ((np.array(1.0),),))
        finally:
            closed.append(request.request_id)
        return ()

    driver = PartyDriver(busy, Nowhere(), compute, lambda error: (0, str(error)), lambda: 0.0)
    driver.take(Received(request(Kind.ADVANCE, 3)))
    driver.take(Received(request(Kind.ADVANCE, 2)))
    assert closed == []
    driver.take(Received(request(Kind.RESTORE, 4)))
    assert closed == [3]
    driver.take(Received(message(4, 2.0)))
    assert closed == [3, 4]
    assert busy.replied == Envelope("run", 0, Kind.RESTORE, 4, 0, 0, ())


def test_a_failure_is_a_reply_that_is_sent_again_too_and_so_is_a_contradiction_of_a_peer() -> None:
    def compute(request: Envelope):
        yield Exchanging(0, 0, ((np.array(1.0),),))
        raise ZeroDivisionError("the ward is closed")

    for second, words in ((message(2, 5.0), "the ward is closed"), (message(3, 6.0), "two different messages")):
        nowhere = Nowhere()
        driver = PartyDriver(party(), nowhere, compute, lambda error: (0, str(error)), lambda: 0.0)
        driver.take(Received(message(3, 5.0)))  # early
        driver.take(Received(request(Kind.ADVANCE, 2)))
        driver.take(Received(second))
        driver.take(Received(request(Kind.ADVANCE, 2)))
        failed = [envelope for envelope in nowhere.sent if envelope.kind == Kind.FAILED]
        assert len(failed) == 2
        assert all(words in envelope.body[1] and envelope.request_id == 2 for envelope in failed)


def test_a_party_ends_with_the_run_or_the_coordinator_and_not_with_a_peer() -> None:
    assert party().handle(Received(request(Kind.SHUTDOWN, 9)), 0.0) == [Close()]
    assert party().handle(Lost(COORDINATOR), 0.0) == [Close()]
    assert party().handle(Lost(1), 0.0) == []


class Nowhere:
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []

    def send(self, to: int, envelope: Envelope) -> None:
        self.sent.append(envelope)

    def receive(self, seconds: float | None = None) -> Envelope | None:
        raise NotImplementedError

    def close(self) -> None: ...
