"""Whatever is lost, repeated, forged or killed in between, every question is answered once."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import MethodError, ShardLost
from accord.protocol import coordinator, timeouts
from accord.protocol.messages import COORDINATOR, Envelope
from accord.protocol.peer_exchange import AHEAD, PeerExchange
from accord.protocol.timeouts import Timeouts
from accord.protocol.transports.queues import QueueTransport
from accord.runtimes import Threads
from tests.runtimes.workers.crew import Crew, delivered

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


# the link


def rough(seed: int) -> Callable[[int, Envelope], Iterator[Envelope]]:
    """One in eight is lost, one in eight comes twice, one in eight comes after the next."""
    random_number, held, lock = random.Random(seed), dict[int, Envelope](), threading.Lock()

    def fate(to: int, envelope: Envelope) -> Iterator[Envelope]:
        with lock:
            what = random_number.randrange(8)
            if what == 0 and envelope.kind != "dismiss":
                return
            if what == 1 and to not in held:
                held[to] = envelope
                return
            yield envelope
            if what == 2:
                yield envelope
            if to in held:
                yield held.pop(to)

    return fate


def test_fault_23_27_28_what_is_lost_repeated_or_overtaken_counts_once(run: Any, undisturbed: accord.Run) -> None:
    """Lost requests, lost replies, and retries while the first is still worked on, among them."""
    same(undisturbed, run(runtime=Crew(2, rough(1))))


def test_fault_25_26_what_is_of_another_run_or_of_another_question_is_refused(
    run: Any, undisturbed: accord.Run
) -> None:
    def poisoned(envelope: Envelope) -> Envelope:
        harm = lambda part: part + 1e3 if isinstance(part, np.ndarray) and part.dtype.kind == "f" else part  # noqa: E731
        return envelope._replace(body=tuple(map(harm, envelope.body)))

    def fate(to: int, envelope: Envelope) -> list[Envelope]:
        elsewhere = poisoned(envelope)._replace(run="another run")
        earlier = poisoned(envelope)._replace(request_id=envelope.request_id - 1)
        later = (
            [poisoned(envelope)._replace(request_id=envelope.request_id + 1)] if to == COORDINATOR else []
        )  # to others: a new one
        return [elsewhere, earlier, *later, envelope, *later, earlier, elsewhere]

    same(undisturbed, run(runtime=Crew(2, fate)))


class Silence:
    """A link of which nothing comes by itself."""

    def __init__(self, *coming: Envelope) -> None:
        self.coming, self.sent = list(coming), list[tuple[int, Envelope]]()

    def send(self, to: int, envelope: Envelope) -> None:
        self.sent.append((to, envelope))

    def receive(self, seconds: float | None = None) -> Envelope | None:
        return self.coming.pop(0) if self.coming else None

    def close(self) -> None:
        pass


def said(number: int, t: int, value: float, sender: int = 1) -> Envelope:
    return Envelope("this run", sender, "said", number, t, 0, (np.array(value),))


def listening(*coming: Envelope) -> PeerExchange:
    words = PeerExchange("this run", 0, Silence(*coming), (1,), (1,), 0.01)  # pyright: ignore[reportArgumentType]
    words.begin(7)
    return words


def test_fault_24_two_different_words_of_one_round_stop_the_run() -> None:
    words = listening(said(7, 3, 1.0), said(7, 3, 1.0), said(7, 3, 2.0), said(7, 2, 0.0))
    with pytest.raises(ShardLost, match="Worker 1 has said two different things in round 3"):
        words.exchange(2, 0, ((np.array(5.0),),))


def test_fault_24_two_different_answers_to_one_question_stop_the_run_and_the_same_twice_does_not() -> None:
    answers = [Envelope("this run", 0, "losses", 1, 0, 0, (np.array([1.0, np.nan, last]),)) for last in (2.0, 2.0, 3.0)]
    link: Any = Silence(*answers)
    asked = coordinator.Coordinator("this run", link, {0: "shard 0 (agent 0)"}, together=False, retry_interval=0.01)
    asked.send("losses", 0, {0: ()})
    asked.poll()
    asked.poll()
    with pytest.raises(ShardLost, match=r"shard 0 \(agent 0\) has given two different answers to question 1, losses"):
        asked.poll()


def test_fault_25_26_what_is_older_is_refused_and_what_comes_too_early_is_not_hoarded() -> None:
    early = [said(7, t, float(t)) for t in range(3, 40)]
    words = listening(said(6, 2, -1.0), said(7, 2, -1.0, sender=5), *early[:AHEAD], said(7, 2, 2.0))
    words.transport.coming.insert(0, said(7, 2, 2.0))  # pyright: ignore[reportAttributeAccessIssue]
    assert words.exchange(2, 0, ((np.array(5.0),),)) == ((np.array(2.0),),)
    for envelope in early:
        words._take(envelope)
    assert len(words.early) <= AHEAD
    words.begin(8)
    assert not words.early


def test_fault_28_a_word_is_said_again_to_whom_it_did_not_reach() -> None:
    words = listening(said(7, 2, 2.0))
    words.exchange(2, 0, ((np.array(5.0),),))
    words._take(Envelope("this run", 1, "again", 7, 2, 0, ()))
    words._take(Envelope("this run", 1, "again", 7, 9, 0, ()))  # not said yet
    spoken = [(to, envelope.round, envelope.body) for to, envelope in words.transport.sent]  # pyright: ignore[reportAttributeAccessIssue]
    assert spoken == [(1, 2, (np.array(5.0),))] * 2


# deaths


class Deadly:
    """At every so many new questions, which each round asks again, one worker dies of its answer, and then another."""

    def __init__(self, every: int) -> None:
        self.every, self.asked, self.victims = every, set[tuple[int, str]](), count()

    def __call__(self, envelope: Envelope) -> int | None:
        question = self.crew.session.round if self.crew.session else 0, envelope.kind
        if question in self.asked or envelope.kind not in ("respond", "advance", "losses", "measure", "terms"):
            return None
        self.asked.add(question)
        return next(self.victims) % 2 if len(self.asked) % self.every == 0 else None


def killing(every: int, fate: Any = delivered) -> Crew:
    deadly = Deadly(every)
    deadly.crew = crew = Crew(2, fate, deadly)
    return crew


def test_fault_36_37_44_ten_deaths_change_nothing(run: Any, undisturbed: accord.Run) -> None:
    crew = killing(every=2)
    same(undisturbed, run(runtime=crew))
    assert len(crew.died) >= 10


def test_fault_37_deaths_on_a_link_that_loses_change_nothing(run: Any, undisturbed: accord.Run) -> None:
    crew = killing(4, rough(2))
    same(undisturbed, run(runtime=crew))
    assert len(crew.died) >= 4


def test_fault_46_a_shard_that_dies_again_and_again_ends_the_run() -> None:
    crew = Crew(2, dies=lambda envelope: 1 if (envelope.kind, envelope.request_id) != ("start", 1) else None)
    with pytest.raises(ShardLost, match=r"shard 1 \(agents 2 to 3\) died 4 times over one question.*more shards"):
        accord.run(PROBLEM, accord.FedSGD(), runtime=crew, stop=SHORT)


# deadlines


class Frozen(Silence):
    """A link whose worker answers only once it has been replaced."""

    def restart(self, worker: int) -> None:
        self.revived = self.sent[-1][1].request_id

    def receive(self, seconds: float | None = None) -> Envelope | None:
        question = self.sent[-1][1]
        return question._replace(sender=0, body=(1,)) if question.request_id > getattr(self, "revived", 99) else None


def test_fault_38_who_does_not_answer_what_everybody_has_to_is_replaced_after_ten_deadlines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Timeouts(deadline=0.01).failure_timeout == 60
    monkeypatch.setattr(timeouts, "LEAST_FAILURE_TIMEOUT", 0.0)
    link: Any = Frozen()
    limit = Timeouts(deadline=0.01).failure_timeout
    assert Timeouts().failure_timeout is None  # without a deadline, whoever is alive is waited for
    asked = coordinator.Coordinator(
        "this run", link, {0: "shard 0 (agent 0)"}, together=False, retry_interval=0.01, failure_timeout=limit
    )
    assert asked.broadcast("losses", 3) == {0: (1,)}
    assert len({envelope.request_id for _, envelope in link.sent}) == 2
    assert sum(envelope.request_id == 1 for _, envelope in link.sent) > 3  # asked again and again, before that


class Slow:
    """The answers of one worker to some rounds come only when the host has asked for a later one."""

    def __init__(self, worker: int, rounds: range, until: int) -> None:
        self.worker, self.rounds, self.until, self.held = worker, rounds, until, list[Envelope]()

    def __call__(self, to: int, envelope: Envelope) -> Iterator[Envelope]:
        if (
            to == COORDINATOR
            and (envelope.sender, envelope.kind) == (self.worker, "respond")
            and self.asked in self.rounds
        ):
            self.held = [envelope]
            return
        if envelope.sender == COORDINATOR and envelope.kind == "respond":
            if to == self.worker:
                self.asked = envelope.round
            if envelope.round >= self.until:
                self.release()
        yield envelope

    def release(self) -> None:
        while self.held:
            self.crew.boxes[COORDINATOR].put(self.held.pop())


def test_fault_38_who_is_late_is_not_counted_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """SCAFFOLD, whose clients hold what they have sent: what did not count they have to forget."""
    monkeypatch.setattr(coordinator, "SNAPSHOT_RATIO", 1e9)  # so that the log tells all
    fate = Slow(1, range(3, 4), until=6)
    fate.crew = crew = Crew(2, fate, patience=Timeouts(deadline=1.0, quorum=0.5, retry_interval=0.1))
    method = accord.SCAFFOLD(local=accord.GradientDescent(steps=1, step_size=0.1))
    accord.run(
        PROBLEM, method, runtime=Crew(2), stop=accord.Stop(rounds=2, progress=0)
    )  # compiled, so that it is in time
    outcome = accord.run(PROBLEM, method, runtime=crew, stop=accord.Stop(rounds=12, progress=0))
    counted = [sorted(past.bodies) for past in crew.session.coordinator.log if past.kind == "respond"]
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

    crew = Crew(2, fate, patience=Timeouts(deadline=0.1, quorum=0.75, retry_interval=0.05))
    with pytest.raises(ShardLost, match=r"Round 0: after 1\.?\d* s.*no answer from shard 1 \(agents 2 to 3\)"):
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
    crew = Crew(2, delivered, patience=Timeouts(deadline=1.0))
    with pytest.raises(MethodError, match=words):
        accord.run(PROBLEM, method, runtime=crew, stop=SHORT, **how)


def test_fault_38_no_wait_is_longer_than_the_time_of_a_run_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard that answers nothing, where the run was to end after a twentieth of a second."""
    link = QueueTransport(COORDINATOR, {COORDINATOR: queue.SimpleQueue(), 0: queue.SimpleQueue()})
    host = coordinator.Coordinator(
        "run", link, {0: "shard 0 (agents 0 to 3)"}, together=False, retry_interval=0.01, seconds=0.05
    )
    monkeypatch.setattr(coordinator, "GRACE", 0.1)
    with pytest.raises(ShardLost, match=r"to end after 0\.05 seconds.*no answer from shard 0 \(agents 0 to 3\)"):
        host.broadcast("start", 0, durable=True)
