"""Thousands of schedules of loss, repetition, delay, reordering and death: the answer is always the same to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from accord.protocol import coordinator as protocol
from accord.protocol.coordinator import Coordinator
from accord.protocol.driver import Clock, CoordinatorDriver, PartyDriver
from accord.protocol.events import Computation, Exchanging
from accord.protocol.messages import Body, Envelope, Kind
from accord.protocol.party import Party
from accord.protocol.peer_exchange import PeerExchange
from accord.protocol.transport import Transport
from tests.protocol.simulated import CALM, Faults, SimulatedNetwork

WORKERS = 4
RING = {w: ((w - 1) % WORKERS, (w + 1) % WORKERS) for w in range(WORKERS)}
ALONE: dict[int, tuple[int, ...]] = dict.fromkeys(range(WORKERS), ())


def arithmetic(own: int) -> Callable[[Envelope], Computation]:
    """A worker whose state is a number: `respond` adds to it, `advance` averages it with its neighbours'."""
    held = {"state": 0.0, "before": 0.0, "changed by": 0}

    def compute(request: Envelope) -> Computation:
        state = held["state"]
        match request.kind:
            case Kind.START:
                state = float(own)
            case Kind.RESTORE:
                (state,) = request.body
            case Kind.ROLLBACK:
                held["state"] = held["before"] if held["changed by"] == request.body[0] else state
                return ()
            case Kind.RESPOND:
                state = math.tanh(state) + request.body[0]
            case Kind.ADVANCE:
                for t in range(request.round, request.round + request.body[0]):
                    received = yield Exchanging(t, 0, tuple((state,) for _ in RING[own]))
                    state = (state + 1.1 * sum(one[0] for one in received) + t) / 3
            case _:
                return (state,)
        held.update({"state": state, "before": held["state"], "changed by": request.request_id})
        return (state,)

    return compute


def asking(seed: int, faults: Faults, *, together: bool = False, **waits: Any) -> CoordinatorDriver:
    """A coordinator whose workers have started, over a simulated network."""

    def begin(own: int, transport: Transport, clock: Clock) -> PartyDriver:
        others = (RING if together else ALONE)[own]
        party = Party(PeerExchange("run", own, others, others), 1.0)
        return PartyDriver(party, transport, arithmetic(own), lambda error: (own, str(error)), clock)

    network = SimulatedNetwork(seed, WORKERS, begin, faults)
    names = {worker: f"worker {worker}" for worker in range(WORKERS)}
    machine = Coordinator("run", names, network.now, together=together, retry_interval=1.0, **waits)
    asked = CoordinatorDriver(machine, network, network.clock)
    asked.broadcast(Kind.START, 0, durable=True)
    return asked


def synchronous(seed: int, faults: Faults) -> list[dict[int, Body]]:
    """Rounds of a server, each with some of the workers."""
    asked = asking(seed, faults)
    bodies = [{w: (t + w,) for w in range(WORKERS) if (t + w) % 3} for t in range(12)]
    return [asked.ask(Kind.RESPOND, t, body, durable=True) for t, body in enumerate(bodies)]


def peers(seed: int, faults: Faults) -> list[dict[int, Body]]:
    """Rounds among workers, three a request."""
    asked = asking(seed, faults, together=True)
    return [asked.broadcast(Kind.ADVANCE, t, 3, durable=True) for t in range(0, 12, 3)]


def one_by_one(seed: int, faults: Faults) -> dict[int, list[Body]]:
    """A server that takes replies as they come, and asks whoever has replied anew."""
    asked = asking(seed, faults)
    found: dict[int, list[Body]] = {w: [] for w in range(WORKERS)}
    for worker in range(WORKERS):
        asked.send(Kind.RESPOND, worker, {worker: (0,)})
    while min(map(len, found.values())) < 6:
        worker, body = asked.next_reply()
        found[worker].append(body)
        asked.send(Kind.RESPOND, len(found[worker]), {worker: (len(found[worker]),)})
    return {worker: bodies[:6] for worker, bodies in found.items()}


def with_deadlines(seed: int, faults: Faults) -> bool:
    """Rounds that half of the workers suffice for; whether the states are those of the replies that counted."""
    asked, states = asking(seed, faults, failure_timeout=60.0), {w: float(w) for w in range(WORKERS)}
    for t in range(12):
        while len(free := asked.free()) < 2:
            asked.poll()
        replies = asked.ask_until(4.0, lambda found: len(found) >= 2, Kind.RESPOND, t, {w: (t + w,) for w in free})
        states |= {w: math.tanh(states[w]) + (t + w) for w in replies}
        if replies != {w: (states[w],) for w in replies}:
            return False
        if t % 5 == 4 and asked.broadcast(Kind.MODELS, t) != {w: (states[w],) for w in range(WORKERS)}:
            return False
    return asked.snapshot(12) == {w: (states[w],) for w in range(WORKERS)}


SCENARIOS: dict[str, tuple[Callable[[int, Faults], Any], float]] = {
    "a server": (synchronous, 0.03),
    "peers": (peers, 0.004),
    "replies as they come": (one_by_one, 0.03),
    "deadlines": (with_deadlines, 0.01),
}


@pytest.fixture(autouse=True)
def immortal(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a worker dies, it is restarted."""
    monkeypatch.setattr(protocol, "MAX_RESTARTS", 10**6)


def exact(name: str, seeds: range) -> None:
    scenario, death = SCENARIOS[name]
    expected = scenario(0, CALM)
    for seed in seeds:
        assert scenario(seed, Faults(death=death)) == expected, f"seed {seed}"


@pytest.mark.parametrize("ratio", [protocol.SNAPSHOT_RATIO, math.inf], ids=["snapshots", "replayed from the start"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_schedule_gives_the_answer_of_a_calm_network(
    name: str, ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SNAPSHOT_RATIO", ratio)
    exact(name, range(60))


def test_who_misses_a_deadline_is_left_behind_and_comes_back_without_what_did_not_count() -> None:
    left_behind = 0
    for seed in range(30):
        asked = asking(seed, Faults(loss=0.4, death=0.0))
        body = dict.fromkeys(range(WORKERS), (1,))
        counted = asked.ask_until(4.0, lambda found: len(found) >= 2, Kind.RESPOND, 0, body)
        left_behind += WORKERS - len(counted)
        while len(asked.free()) < WORKERS:
            asked.poll()
        assert asked.ask(Kind.MODELS, 1, body) == {w: (float(w),) for w in range(WORKERS)} | counted
    assert left_behind > 10


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0, protocol.SNAPSHOT_RATIO, math.inf])
@pytest.mark.parametrize("name", SCENARIOS)
def test_thousands_of_schedules_do_too(name: str, ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "SNAPSHOT_RATIO", ratio)
    exact(name, range(1000, 1500))
