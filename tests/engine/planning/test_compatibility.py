"""What is refused at the door, each in a sentence that names the number, and says what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import pytest

import accord
from accord.errors import AccordError, MethodError, NetworkError, ProblemError
from accord.problems import dispatch, quadratic
from accord.problems.regularizers import Box

PROBLEM = quadratic(H=[1.0, 2.0, 4.0, 3.0], c=[0.0, 1.0, 2.0, 6.0])
RING = accord.networks.ring(4)
MARKET = dispatch([0.004, 0.006], [5.3, 5.5], [500, 400], None, None, 600)
SPARSE = accord.problems.lasso([(np.eye(2), np.ones(2))] * 4, l1=0.1)
OPAQUE = accord.Problem(None, [accord.Opaque(value=lambda x: float(x @ x))] * 4, x0=np.zeros(2))
HALVES = nx.disjoint_union(nx.path_graph(2), nx.path_graph(2))


def custom(loss: Callable[..., Any], **how: Any) -> accord.Problem:
    return accord.Problem(loss, [np.ones((3, 2))] * 2, **{"x0": np.zeros(2), **how})


@dataclass(frozen=True)
class Refusal:
    """What is asked, what is raised, and the words that it must hold."""

    ask: Callable[[], Any]
    error: type[AccordError]
    words: tuple[str, ...]


def refuse(
    error: type[AccordError], *words: str, problem: Any = PROBLEM, method: Any = accord.FedSGD, **how: Any
) -> Refusal:
    return Refusal(lambda: accord.run(problem, method, **how), error, words)


class Plain:
    """A term whose numbers JAX cannot see."""

    def value(self, x: Any) -> Any:
        return abs(x)

    def prox(self, v: Any, step: Any) -> Any:
        return v


GT, DGD, FEDSGD, DUAL = accord.GradientTracking, accord.DGD, accord.FedSGD, accord.DualDecomposition

REFUSALS = {
    # the problem
    "no problem": refuse(ProblemError, "list", "accord.Problem(loss, shards)", problem=[1, 2]),
    "no start": refuse(ProblemError, "Give x0", problem=custom(lambda x, a: a @ x, x0=None)),
    "start not finite": refuse(ProblemError, "x0 holds 1 numbers that are NaN", x0=np.array(np.nan)),
    "start of another shape": refuse(ProblemError, "x0 has the structure", "decisions are", x0=np.zeros(3)),
    "loss fails": refuse(
        ProblemError, "agent 0", "TypeError", "without the example axis", problem=custom(lambda x, a: a @ np.ones(5))
    ),
    "loss is a vector": refuse(
        ProblemError, "float64[2]", "single floating number", problem=custom(lambda x, a: a * x)
    ),
    "loss is two numbers": refuse(ProblemError, "single floating number", problem=custom(lambda x, a: (a @ x, a @ x))),
    # the method and the problem
    "no method": refuse(MethodError, "'sgd' is not a method", "accord.FedAvg()", method="sgd"),
    "prices on a common model": refuse(MethodError, "DualDecomposition sets prices", "accord.Coupled", method=DUAL),
    "one model for a market": refuse(MethodError, "FedSGD seeks one common model", "DualDecomposition", problem=MARKET),
    "oracle not answered": refuse(
        MethodError, "FedSGD needs the oracle 'grad'", "agent 0", "Opaque(grad=...)", problem=OPAQUE
    ),
    "opaque agents compiled": refuse(
        MethodError,
        "opaque",
        "runtimes.Threads()",
        method=FEDSGD(0.1),
        problem=accord.Problem(None, [accord.Opaque(value=abs, grad=abs)] * 4, x0=0.0),
    ),
    "opaque agents measured": refuse(
        MethodError,
        "opaque",
        "Give the step size",
        problem=accord.Problem(None, [accord.Opaque(value=abs, grad=abs)] * 4, x0=0.0),
    ),
    "no gradient of a term": refuse(
        MethodError, "GradientTracking cannot treat the term L1", "FedSGD", problem=SPARSE, method=GT, network=RING
    ),
    "hinge has no L": refuse(
        MethodError,
        "FedSGD has no safe step_size",
        "Give step_size yourself",
        problem=accord.problems.svm([(np.eye(2), np.array([0, 1]))], l2=0.1),
    ),
    # the network
    "no network": refuse(MethodError, "GradientTracking needs a network of 4 agents", "networks.ring(4)", method=GT),
    "network opposite a server": refuse(
        MethodError, "FedSGD has a server in the middle", "Leave network out", network=RING
    ),
    "network of another size": refuse(NetworkError, "5 agents", "has 4", method=GT, network=accord.networks.ring(5)),
    "fault 11, disconnected": refuse(
        NetworkError,
        "GradientTracking needs a connected network",
        "2 components",
        method=GT,
        network=accord.networks.from_networkx(HALVES),
    ),
    "fault 12, weights": refuse(
        NetworkError,
        "DGD needs doubly stochastic weights",
        "sums to 1.1",
        method=DGD,
        network=accord.networks.from_weights(RING.W + 0.025),
    ),
    # who takes part, and how replies are put together
    "cohort of peers": refuse(
        MethodError, "GradientTracking has no server", "network.sleep(p)", method=GT, network=RING, participation=0.5
    ),
    "cohort of a market": refuse(
        MethodError, "DualDecomposition needs every agent's answer", problem=MARKET, method=DUAL, participation=1
    ),
    "cohort of none": refuse(MethodError, "participation=0", "from 1 to 4", participation=0),
    "cohort of too many": refuse(MethodError, "participation=5", "from 1 to 4", participation=5),
    "share above one": refuse(MethodError, "participation=1.5", "(0, 1]", participation=1.5),
    "share not a number": refuse(MethodError, "participation=nan", participation=float("nan")),
    "aggregate of peers": refuse(
        MethodError, "aggregate='mean' does not fit DGD", method=DGD, network=RING, aggregate="mean"
    ),
    "unknown aggregate": refuse(
        MethodError, "aggregate='mode' does not fit FedSGD", "accord.aggregation", aggregate="mode"
    ),
    # numbers, FAULTS 21
    "fault 21, step of zero": refuse(MethodError, "FedSGD has step_size=0", "positive", method=FEDSGD(0.0)),
    "fault 21, step below zero": refuse(MethodError, "DGD has step_size=-0.1", method=DGD(-0.1), network=RING),
    "fault 21, step not a number": refuse(MethodError, "FedSGD has step_size=nan", method=FEDSGD(float("nan"))),
    "fault 21, local step": refuse(
        MethodError, "SGD has step_size=-1", method=accord.FedAvg(accord.SGD(1, step_size=-1.0))
    ),
    "fault 21, steps": refuse(
        MethodError, "FedSGD has step_size=array([0.1, 0.2])", method=FEDSGD(np.array([0.1, 0.2]))
    ),  # pyright: ignore[reportArgumentType]
    "fault 21, half a row": refuse(
        MethodError, "FedSGD has batch_size=1.5", "positive whole number", method=FEDSGD(batch_size=1.5)
    ),  # pyright: ignore[reportArgumentType]
    "local work in words": refuse(MethodError, "FedAvg has local='sgd'", "accord.SGD", method=accord.FedAvg("sgd")),  # pyright: ignore[reportArgumentType]
    "fault 21, no batch": refuse(MethodError, "FedSGD has batch_size=0", method=FEDSGD(batch_size=0)),
    "fault 21, penalty": refuse(
        MethodError, "ExchangeADMM has penalty=-1", problem=MARKET, method=accord.ExchangeADMM(-1.0)
    ),
    # arguments of another kind
    "graph as network": refuse(
        MethodError, "network=<networkx", "kind Graph", "from_networkx(graph)", method=DGD, network=nx.path_graph(4)
    ),
    "matrix as network": refuse(MethodError, "kind ndarray", "from_weights(W)", method=DGD, network=RING.W),
    "channel in words": refuse(MethodError, "channel='clip'", "accord.clip(1.0)", channel="clip"),
    "participation in words": refuse(MethodError, "participation='all'", "number of clients", participation="all"),
    "stop as a number": refuse(MethodError, "stop=100", "accord.Stop(rounds=...)", stop=100),
    "runtime in words": refuse(MethodError, "runtime='ray'", "accord.runtimes", runtime="ray"),
    "runtime as a class": refuse(MethodError, "kind type", "Threads()", runtime=accord.runtimes.Threads),
    "seed in parts": refuse(MethodError, "seed=1.5", "whole number", seed=1.5),
    "seed too long": refuse(MethodError, "seed=1180591620717411303424", "63 bits", seed=2**70),
    "checkpoint a number": refuse(MethodError, "checkpoint=3", "directory", checkpoint=3),
    "notify a number": refuse(MethodError, "notify=3", "function", notify=3),
    "record in words": refuse(MethodError, "record='all'", "whole number", record="all"),
    "D² on a ring": Refusal(
        lambda: accord.run(PROBLEM, accord.ExactDiffusion(lazy=False), network=RING),
        NetworkError,
        ("λ_min(W) above -0.3333", "it is -0.3333 in the ring(4)", "network.lazy()"),
    ),
    "attack on a cohort": refuse(
        MethodError,
        "in a cohort of 3 of 4 others stand there",
        participation=3,
        aggregate=accord.attacks.Attacked(accord.aggregation.Median(), (0,), accord.attacks.sign_flip),
    ),
    "start outside the set": Refusal(
        lambda: accord.run(
            accord.Problem(PROBLEM.loss, PROBLEM.shards, regularizer=Box(1.0, 2.0), x0=np.zeros(())), accord.FedSGD()
        ),
        ProblemError,
        ("x0 lies outside the Box, 1 from its nearest point", "F(x0) is infinite", "x0 = [1.0]"),
    ),
    "a term that is no pytree": Refusal(
        lambda: accord.run(
            accord.Problem(PROBLEM.loss, PROBLEM.shards, regularizer=Plain(), x0=np.zeros(())), accord.FedSGD()
        ),
        MethodError,
        ("FedSGD has", "of the kind Plain", "@accord.problems.pytree"),
    ),
    "start in words": refuse(ProblemError, "x0 holds 'a'", "floating", x0="a"),
    "start complex": refuse(ProblemError, "x0 holds 1j", "no real number", x0=1j),
    "record of none": refuse(MethodError, "record=0", "at least 1", record=0),
    "record of a part": refuse(MethodError, "record=2.5", "whole number", record=2.5),
    "clip at zero": Refusal(lambda: accord.clip(0.0), MethodError, ("clip has bound=0.0", "positive")),
    "noise below zero": Refusal(lambda: accord.gaussian_noise(-1.0), MethodError, ("gaussian_noise has scale=-1.0",)),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_is_refused_with_its_reason_and_a_remedy(refusal: Refusal) -> None:
    with pytest.raises(refusal.error) as refused:
        refusal.ask()
    said = str(refused.value)
    assert [word for word in refusal.words if word not in said] == [], said
    assert said.endswith(".")


@pytest.mark.parametrize(
    "method",
    [accord.FedSGD, accord.FedSGD(0.1), accord.GradientDescent(step_size=0.1), accord.GradientDescent(1, 0.1)],
    ids=repr,
)
def test_a_method_may_be_given_as_a_class_or_as_one_local_step(method: Any) -> None:
    """One step of gradient descent, sent as it is, is FedSGD."""
    run = accord.run(PROBLEM, method, stop=accord.Stop(rounds=0))
    assert run.facts.method == "FedSGD"


def test_a_preset_may_be_given_without_calling_it() -> None:
    assert accord.run(PROBLEM, accord.FedAdam, stop=accord.Stop(rounds=0)).facts.method == "FedAvg"
