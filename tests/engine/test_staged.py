"""Agents outside JAX: asked between compiled stretches, by the same program as all others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
import pytest

import accord
from accord.engine.staged import asking, compiled
from accord.errors import MethodError
from accord.methods.traits import method
from accord.problems.opaque import Crowd, OpaqueAgent
from accord.runtimes import Threads
from tests.compiling import compilations

H, C = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 5.0])
STOP = accord.Stop(rounds=8, progress=0)
LOCAL = accord.GradientDescent(steps=3, step_size=0.1)


class Model(NamedTuple):
    x: Any


def outside(h: float, c: float, seen: Callable[[np.ndarray], Any] = lambda x: None) -> accord.Opaque:
    def grad(x: np.ndarray) -> np.ndarray:
        seen(x)
        return h * (x - c)

    def prox(v: np.ndarray, penalty: float) -> np.ndarray:
        return (h * c + penalty * v) / (h + penalty)

    return accord.Opaque(value=lambda x: 0.5 * h * float((x - c) @ (x - c)), grad=grad, prox=prox)


def crowd(**how: Any) -> accord.Problem:
    return accord.Problem(None, [outside(h, c, **how) for h, c in zip(H, C)], weights=[1, 2, 1], x0=np.zeros(2))


INSIDE = accord.problems.quadratic(H=H, c=np.repeat(C[:, None], 2, 1), weights=[1, 2, 1])
METHODS = {
    "a gradient": (accord.FedSGD(0.1), {"participation": 2}),
    "in a loop": (accord.FedAvg(local=LOCAL), {}),
    "a prox": (accord.ConsensusADMM(penalty=1.0), {}),
    "among peers": (accord.GradientTracking(step_size=0.1), {"network": accord.networks.ring(3)}),
    "along edges": (accord.EdgeADMM(penalty=1.0), {"network": accord.networks.ring(3)}),
}


@pytest.mark.parametrize("name", METHODS)
def test_agents_outside_give_the_numbers_of_those_within(name: str) -> None:
    method, how = METHODS[name]
    one = accord.run(crowd(), method, runtime=Threads(2), stop=STOP, seed=3, **how)
    other = accord.run(INSIDE, method, stop=STOP, seed=3, **how)
    np.testing.assert_allclose(one.x, other.x, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.agents, other.agents, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.history["objective"], other.history["objective"], rtol=1e-12)


def test_a_second_run_of_other_agents_compiles_nothing_and_asks_each_once_a_round() -> None:
    """One gradient a client and round, and one more for what it would propose at the end."""
    asked: list[np.ndarray] = []
    how: dict[str, Any] = {"runtime": Threads(1), "stop": STOP}
    accord.run(crowd(), accord.FedSGD(0.1), **how)
    with compilations() as seconds:
        run = accord.run(crowd(seen=asked.append), accord.FedSGD(0.2), **how)
    assert seconds == []
    assert len(asked) == 3 * (run.rounds + 1)


def test_workers_ask_their_agents_side_by_side() -> None:
    """Each of three agents answers only while the other two are being asked."""
    together = threading.Barrier(3, timeout=60)
    run = accord.run(crowd(seen=lambda x: together.wait()), accord.FedSGD(0.1), runtime=Threads(3), stop=STOP)
    assert run.rounds == STOP.rounds


def test_who_is_asked_in_a_branch_or_a_loop_of_any_length_answers_as_in_a_plain_function(float64: None) -> None:
    def turns(agent: Any, x: Any, count: Any) -> Any:
        step = lambda x: x - 0.5 * agent.grad(x)  # noqa: E731
        x = jax.lax.cond(count > 1, step, lambda x: x, x)
        return jax.lax.while_loop(lambda pair: pair[0] < count, lambda pair: (pair[0] + 1, step(pair[1])), (0, x))[1]

    agent = jax.tree.map(lambda leaf: leaf[0], OpaqueAgent.stacked((outside(1.0, 4.0),), np.ones(1), None))
    program = compiled(turns)
    with asking(Crowd((outside(1.0, 4.0),), (0,))):
        found = [float(program(agent, np.zeros(1), np.int64(count))[0]) for count in (0, 1, 2, 3)]
    assert found == [0.0, 2.0, 3.5, 3.75]  # each step halves the way to 4


@method
class Solving:
    """A method of one's own that asks its agent within a solver of JAX."""

    weights: ClassVar = "doubly stochastic"

    def init(self, x: Any, agent: Any, key: Any) -> Any:
        return Model(x)

    def message(self, state: Any) -> Any:
        return state

    def update(self, state: Any, mixed: Any, agent: Any, key: Any) -> Any:
        return Model(jax.scipy.sparse.linalg.cg(lambda v: agent.grad(v) - agent.grad(0 * v), mixed.x)[0])


def test_who_asks_agents_outside_where_none_can_answer_is_refused_before_any_is_asked() -> None:
    asked: list[Any] = []
    with pytest.raises(MethodError, match=r"Solving asks an opaque agent within a custom_linear_solve.*lax\.scan"):
        accord.run(crowd(seen=asked.append), Solving(), network=accord.networks.ring(3), stop=STOP)
    assert not asked


@method
class Deriving(Solving):
    """The same, by the derivative of a loss."""

    def update(self, state: Any, mixed: Any, agent: Any, key: Any) -> Any:
        return Model(mixed.x - jax.grad(agent.value)(mixed.x))


def test_who_differentiates_agents_outside_is_refused_at_the_door() -> None:
    with pytest.raises(MethodError, match=r"Deriving\.update fails on a flat decision: .*ask"):
        accord.run(crowd(), Deriving(), network=accord.networks.ring(3), stop=STOP)
