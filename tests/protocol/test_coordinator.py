"""Whatever is lost, repeated, forged or killed in between, every request is answered once: runs in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import MethodError, ShardLost
from accord.protocol import coordinator
from accord.protocol.coordinator import Coordinator
from accord.protocol.events import Lost, Received, Restart, Send, Tick
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.timeouts import Timeouts
from accord.runtimes import Threads
from tests.protocol.simulated import CALM, Faults
from tests.runtimes.workers.simulated_crew import SimulatedCrew

PROBLEM = accord.problems.quadratic(np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]))
MARKET = accord.problems.dispatch([1.0, 2.0, 1.0, 3.0], [0.0, 1.0, 2.0, 0.0], np.zeros(4), -9.0, 9.0, 5.0)
RING = accord.networks.ring(4)
RUNS: dict[str, Callable[..., accord.Run]] = {
    "a server, clients with a state": lambda **how: accord.run(PROBLEM, accord.SCAFFOLD(), participation=3, **how),
    "peers": lambda **how: accord.run(PROBLEM, accord.GradientTracking(), network=RING, **how),
    "peers with a word for each": lambda **how: accord.run(PROBLEM, accord.EdgeADMM(), network=RING, **how),
    "prices": lambda **how: accord.run(MARKET, accord.DualDecomposition(), **how),
}
SHORT = accord.Stop(rounds=12, progress=0)


@pytest.fixture(scope="module", params=list(RUNS))
def run(request: pytest.FixtureRequest) -> Callable[..., accord.Run]:
    return lambda **how: RUNS[request.param](stop=SHORT, record=1, **how)


@pytest.fixture(scope="module")
def undisturbed(run: Callable[..., accord.Run]) -> accord.Run:
    return run(runtime=Threads(workers=2))


def same(one: accord.Run, other: accord.Run) -> None:
    """Bit for bit."""
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.agents, other.agents)
    columns = [column for column in one.history if column != "seconds"]
    np.testing.assert_array_equal(one.history[columns], other.history[columns])


# the network


def test_what_is_simulated_is_what_threads_compute(run: Any, undisturbed: accord.Run) -> None:
    same(undisturbed, run(runtime=SimulatedCrew(2)))


@pytest.mark.parametrize("seed", range(2))
def test_fault_23_27_28_what_is_lost_repeated_or_overtaken_counts_once(
    run: Any, undisturbed: accord.Run, seed: int
) -> None:
    """Lost requests, lost replies, and retries while the first is still worked on, among them."""
    same(undisturbed, run(runtime=SimulatedCrew(2, Faults(death=0.0), seed)))


def test_fault_25_26_what_is_of_another_run_or_of_another_request_is_refused(run: Any, undisturbed: accord.Run) -> None:
    def poisoned(envelope: Envelope) -> Envelope:
        harm = lambda part: part + 1e3 if isinstance(part, np.ndarray) and part.dtype.kind == "f" else part  # noqa: E731
        return envelope._replace(body=tuple(map(harm, envelope.body)))

    def fate(to: int, envelope: Envelope) -> list[Envelope]:
        elsewhere = poisoned(envelope)._replace(run="another run")
        earlier = poisoned(envelope)._replace(request_id=envelope.request_id - 1)
        later = [poisoned(envelope)._replace(request_id=envelope.request_id + 1)]
        return [elsewhere, earlier, envelope, *(later if to == COORDINATOR else []), earlier, elsewhere]

    same(undisturbed, run(runtime=SimulatedCrew(2, CALM, fate=fate)))


def machine(**waits: Any) -> Coordinator:
    """A coordinator of one worker, at time 0."""
    return Coordinator("this run", {0: "shard 0 (agent 0)"}, 0.0, together=False, retry_interval=1.0, **waits)


def test_fault_24_two_different_replies_to_one_request_stop_the_run_and_the_same_twice_does_not() -> None:
    asked = machine()
    asked.send(Kind.LOSSES, 0, {0: ()}, 0.0, all_needed=True)
    replies = [Envelope("this run", 0, "losses", 1, 0, 0, (np.array([1.0, np.nan, last]),)) for last in (2.0, 2.0, 3.0)]
    asked.handle(Received(replies[0]), 0.1)
    asked.handle(Received(replies[1]), 0.2)
    with pytest.raises(ShardLost, match=r"shard 0 \(agent 0\) has given two different replies to request 1, losses"):
        asked.handle(Received(replies[2]), 0.3)


# deaths


@pytest.fixture
def immortal(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a shard dies, it is restarted."""
    monkeypatch.setattr(coordinator, "MAX_RESTARTS", 10**6)


@pytest.mark.usefixtures("immortal")
@pytest.mark.parametrize("seed", range(2))
def test_fault_36_37_44_deaths_change_nothing(run: Any, undisturbed: accord.Run, seed: int) -> None:
    crew = SimulatedCrew(2, Faults(loss=0.0, repetition=0.0, death=0.02), seed)
    same(undisturbed, run(runtime=crew))
    assert crew.network.died


@pytest.mark.usefixtures("immortal")
@pytest.mark.parametrize("seed", range(2))
def test_fault_37_deaths_on_a_network_that_loses_change_nothing(run: Any, undisturbed: accord.Run, seed: int) -> None:
    crew = SimulatedCrew(2, Faults(death=0.02), seed)
    same(undisturbed, run(runtime=crew))
    assert crew.network.died


def test_fault_46_a_shard_that_dies_again_and_again_ends_the_run() -> None:
    def fate(to: int, envelope: Envelope) -> list[Envelope]:
        return (
            [Envelope("", 1, Kind.LOST, 0, 0, 0, ())]
            if envelope.sender == 1 and envelope.request_id > 1
            else [envelope]
        )

    with pytest.raises(ShardLost, match=r"shard 1 \(agents 2 to 3\) died 4 times over one question.*more shards"):
        accord.run(PROBLEM, accord.FedSGD(), runtime=SimulatedCrew(2, fate=fate), stop=SHORT)


# deadlines


def test_fault_38_who_does_not_reply_where_all_have_to_is_replaced_after_ten_deadlines() -> None:
    assert Timeouts(deadline=0.01).failure_timeout == 60
    assert Timeouts(deadline=20.0).failure_timeout == 200
    assert Timeouts().failure_timeout is None  # without a deadline, whoever is alive is waited for
    asked = machine(failure_timeout=10.0)
    (first,) = asked.send(Kind.LOSSES, 3, {0: ()}, 0.0, all_needed=True)
    assert asked.wake_at == 1.0
    assert [asked.handle(Tick(), float(t)) for t in range(1, 10)] == [[first]] * 9  # asked again and again
    restart, again = asked.handle(Tick(), 10.0)
    assert (restart, again.envelope.request_id) == (Restart(0), 2)
    asked.handle(Received(Envelope("this run", 0, "losses", 1, 0, 0, (9,))), 10.5)  # of its predecessor
    assert not asked.complete
    asked.handle(Received(Envelope("this run", 0, "losses", 2, 0, 0, (1,))), 11.0)
    assert asked.commit([0], durable=False) == {0: (1,)}


def test_fault_38_a_replay_that_stands_still_is_begun_again() -> None:
    asked = machine(failure_timeout=10.0)
    asked.send(Kind.START, 0, {0: ()}, 0.0, all_needed=True)
    asked.handle(Received(Envelope("this run", 0, "start", 1, 0, 0, ())), 1.0)
    asked.commit([0], durable=True)
    asked.send(Kind.RESPOND, 0, {0: ()}, 2.0, all_needed=False)  # which a quorum could go on without
    kinds = lambda commands: [c.envelope.kind if isinstance(c, Send) else c for c in commands]  # noqa: E731
    assert kinds(asked.handle(Lost(0), 3.0)) == [Restart(0), "start"]
    assert kinds(asked.handle(Tick(), 12.9)) == ["start"]
    assert kinds(asked.handle(Tick(), 13.0)) == [Restart(0), "start"]
    assert asked.ready == []
    assert kinds(asked.handle(Received(Envelope("this run", 0, "start", 4, 0, 0, ())), 14.0)) == ["respond"]


def test_fault_38_a_reply_to_a_later_request_brings_back_who_was_left_behind_with_one_that_never_arrived() -> None:
    asked = machine()
    asked.send(Kind.RESPOND, 0, {0: ()}, 0.0, all_needed=False)
    asked.leave_behind()
    assert asked.uncounted == {0: 1}
    asked.send(Kind.RESTORE, 0, {0: ()}, 1.0, all_needed=True)
    asked.handle(Received(Envelope("this run", 0, "restore", 2, 0, 0, ())), 2.0)
    assert (asked.late, asked.returned) == ({}, {0: 1})


class Slow:
    """The replies of one worker to a round are put on their way only when a later one is asked for."""

    def __init__(self, worker: int, round: int, until: int) -> None:
        self.worker, self.round, self.until, self.held, self.asked = worker, round, until, list[Envelope](), 0

    def __call__(self, to: int, envelope: Envelope) -> list[Envelope]:
        if (envelope.sender, envelope.kind) == (self.worker, "respond") and self.asked == self.round:
            self.held = [envelope]
            return []
        if envelope.sender == COORDINATOR and envelope.kind == "respond":
            self.asked = envelope.round if to == self.worker else self.asked
            while envelope.round >= self.until and self.held:
                self.crew.network.deliver(COORDINATOR, self.held.pop())
        return [envelope]


def test_fault_38_who_is_late_is_not_counted_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """SCAFFOLD, whose clients hold what they have sent: what did not count they have to take back."""
    monkeypatch.setattr(coordinator, "SNAPSHOT_RATIO", 1e9)  # so that the log tells all
    fate = Slow(1, round=3, until=6)
    waits = Timeouts(deadline=10.0, quorum=0.5, retry_interval=100.0)
    fate.crew = crew = SimulatedCrew(2, CALM, fate=fate, timeouts=waits)
    method = accord.SCAFFOLD(local=accord.GradientDescent(steps=1, step_size=0.1))
    outcome = accord.run(PROBLEM, method, runtime=crew, stop=accord.Stop(rounds=12, progress=0))
    counted = [sorted(past.bodies) for past in crew.session.coordinator.machine.log if past.kind == "respond"]
    assert counted[:3] == [[0, 1]] * 3
    assert counted[3:6] == [[0]] * 3  # left behind, and then still at work
    assert [0, 1] in counted[6:8]
    assert counted[-1] == [0, 1]
    assert outcome.x == pytest.approx(scaffold(counted), abs=1e-12)


def scaffold(counted: list[list[int]]) -> float:
    """The same by hand, one local step: x ← x − a Σ p (g − c_k + c), c_k ← g, c ← c + |S|/K mean(g − c_k)."""
    H, centres, own, x, c = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0]), np.zeros(4), 0.0, 0.0
    for workers in counted:
        ks = np.flatnonzero(np.isin([0, 0, 1, 1], workers))
        g = H[ks] * (x - centres[ks])
        x, change = x - 0.1 * np.mean(g - own[ks] + c), (g - c - (own[ks] - c)).sum() / 4
        own[ks] = g
        c += change
    return float(x)


def test_fault_45_below_the_quorum_it_waits_and_then_says_why_it_ends() -> None:
    def fate(to: int, envelope: Envelope) -> list[Envelope]:
        return [] if (envelope.sender, envelope.kind) == (1, "respond") else [envelope]

    crew = SimulatedCrew(2, CALM, fate=fate, timeouts=Timeouts(deadline=5.0, quorum=0.75, retry_interval=1.0))
    with pytest.raises(ShardLost, match=r"Round 0: after 50 s.*no answer from shard 1 \(agents 2 to 3\)"):
        accord.run(PROBLEM, accord.FedSGD(), runtime=crew, stop=SHORT)


@pytest.mark.parametrize(
    ("method", "how", "words"),
    [
        (accord.GradientTracking(), {"network": RING}, "no server that could go on without a neighbour"),
        (accord.FedPD(), {}, "needs every agent's answer"),
        (accord.FedSGD(), {"aggregate": accord.aggregation.MultiKrum(1)}, "bears f=1 bad agents among at least 5"),
    ],
    ids=["peers", "everybody's answer", "a rule over few"],
)
def test_a_deadline_is_refused_where_everybody_is_needed(method: Any, how: dict[str, Any], words: str) -> None:
    crew = SimulatedCrew(2, timeouts=Timeouts(deadline=1.0))
    with pytest.raises(MethodError, match=words):
        accord.run(PROBLEM, method, runtime=crew, stop=SHORT, **how)


def test_fault_38_no_wait_is_longer_than_the_time_of_a_run_allows() -> None:
    """A shard that replies to nothing, where the run was to end after two minutes, or after a second."""
    for seconds, last in ((120.0, 240.0), (1.0, 61.0)):
        asked = machine(seconds=seconds)
        asked.send(Kind.START, 0, {0: ()}, 0.0, all_needed=True)
        asked.handle(Tick(), last - 1e-9)
        with pytest.raises(ShardLost, match=rf"to end after {seconds:g} seconds.*no answer from shard 0 \(agent 0\)"):
            asked.handle(Tick(), last)
