"""The mailbox of a worker: each message counts once, in its round, whatever arrives around it."""

from __future__ import annotations

import numpy as np
import pytest

from accord.protocol.events import Send
from accord.protocol.messages import Envelope, Kind
from accord.protocol.peer_exchange import AHEAD, Contradiction, PeerExchange


def message(number: int, t: int, value: float, sender: int = 1) -> Envelope:
    return Envelope("this run", sender, Kind.PEER, number, t, 0, (np.array(value),))


def exchanging(*arriving: Envelope) -> PeerExchange:
    """Worker 0 in round 2 of request 7, with worker 1."""
    exchange = PeerExchange("this run", 0, (1,), (1,))
    exchange.begin(7)
    exchange.post(2, 0, ((np.array(5.0),),))
    for envelope in arriving:
        assert exchange.receive(envelope) == []
    return exchange


def test_fault_24_two_different_messages_of_one_round_are_a_contradiction_and_the_same_twice_is_none() -> None:
    exchange = exchanging(message(7, 3, 1.0), message(7, 3, 1.0))
    with pytest.raises(Contradiction, match="Worker 1 has sent two different messages in round 3, exchange 0"):
        exchange.receive(message(7, 3, 2.0))


def test_fault_25_26_what_is_older_is_ignored_and_what_comes_too_early_is_not_hoarded() -> None:
    early = [message(7, t, float(t)) for t in range(3, 40)]
    exchange = exchanging(message(6, 2, -1.0), message(7, 2, -1.0, sender=5), message(7, 2, 2.0), *early)
    assert exchange.complete
    assert exchange.take() == ((np.array(2.0),),)
    assert [key.round for key in exchange.early] == [3, 4, 5][: AHEAD - 1]
    exchange.begin(8)
    assert not exchange.early


def test_fault_28_a_message_is_sent_again_to_whom_it_did_not_reach() -> None:
    exchange = exchanging()
    (again,) = exchange.ask_again()
    assert again == Send(1, Envelope("this run", 0, Kind.RESEND, 7, 2, 0, ()))
    (sent,) = exchange.receive(again.envelope._replace(sender=1))
    assert (sent.to, sent.envelope.round, sent.envelope.body) == (1, 2, (np.array(5.0),))
    assert exchange.receive(again.envelope._replace(sender=1, round=9)) == []  # not sent yet
