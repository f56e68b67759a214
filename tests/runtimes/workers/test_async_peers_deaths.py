"""Peers that wait for nobody, in workers that die: letters and mass outlive them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import accord
from accord.errors import ShardLost
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from tests.runtimes.workers.crew import Crew, delivered, rough
from tests.runtimes.workers.five_agents import KEPT, METHODS, PATH, PROBLEM, RING, after, session_of

pytestmark = pytest.mark.slow  # threads that die in real time


class Deadly:
    """A crew of whom, every so many wakings, one dies of its answer; or, for `other`, somebody else does."""

    def __init__(self, every: int, other: bool = False, fate: Any = delivered) -> None:
        self.every, self.other, self.next = every, other, every
        self.crew = Crew(2, fate, self)

    def __call__(self, envelope: Envelope) -> int | None:
        begun = self.crew.session.begun if self.crew.session else 0
        if envelope.kind != "activate" or begun < self.next:
            return None
        self.next = begun + self.every
        return 1 - envelope.sender if self.other else envelope.sender


@pytest.mark.parametrize("fate", [lambda: delivered, lambda: rough(3)], ids=["sound", "rough"])
@pytest.mark.parametrize("other", [False, True], ids=["at work", "whatever it does"])
@pytest.mark.parametrize("name", METHODS)
def test_fault_36_37_44_what_a_shard_held_is_held_again_after_its_death(name: str, other: bool, fate: Any) -> None:
    with jax.enable_x64(True):
        crew = Deadly(20, other, fate()).crew
        session = session_of(crew, METHODS[name][0])
        KEPT[name](session)
        session.close()
    assert len(crew.died) >= 5


@pytest.mark.parametrize("name", METHODS)
def test_fault_44_what_a_shard_is_asked_again_after_it_died_idle_is_no_answer(name: str) -> None:
    with jax.enable_x64(True):
        crew = Crew(2)
        session = session_of(crew, METHODS[name][0])
        session.advance(1, 37)
        session.outcome()  # nobody is at work
        crew.ends[1].dead = True
        crew.boxes[COORDINATOR].put(Envelope("", 1, Kind.LOST, 0, 0, 0, ()))
        session.coordinator.ask(Kind.CENTRE, 0, {0: ()})
        session.go_on(10)
        KEPT[name](session)
        session.close()


def test_the_optimum_is_exact_whoever_dies_meanwhile() -> None:
    crew = Deadly(200).crew
    run = accord.run(PROBLEM, accord.ASYSONATA(0.15), network=RING, runtime=crew, stop=after(3000), record=1000)
    assert len(crew.died) >= 10
    np.testing.assert_allclose(run.agents, METHODS["letters"][1], atol=1e-7)


@pytest.mark.parametrize(
    ("method", "how"), [(accord.ASYSONATA(), {"network": PATH}), (accord.AsyncSGD(0.01), {})], ids=["peers", "server"]
)
def test_fault_46_a_shard_that_dies_again_and_again_ends_the_run_though_others_go_on(method: Any, how: Any) -> None:
    """Shard 1 dies of all that it answers from a question on."""

    def dies(envelope: Envelope) -> int | None:
        return 1 if envelope.sender == 1 and envelope.request_id > 20 else None

    with pytest.raises(ShardLost, match=r"shard 1 \(agents \d to 4\) died 4 times over one question"):
        accord.run(PROBLEM, method, runtime=Crew(2, dies=dies), stop=after(3000), record=3000, **how)
