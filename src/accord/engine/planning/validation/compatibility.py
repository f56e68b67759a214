"""The check at the door: what does not fit together is refused here, in a sentence, before anything starts."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from os import PathLike
from typing import Any

import jax
import numpy as np

from accord import networks
from accord.channels import Clear
from accord.core.kinds import number, whole
from accord.core.stopping import Stop
from accord.engine.planning.cost import interval
from accord.engine.planning.partial_work import check_even
from accord.engine.planning.plan import Plan, asked_weights
from accord.engine.planning.tuning import Choice, tuned, within_limits
from accord.engine.planning.validation.contract import check_members, fits_contract
from accord.engine.planning.validation.coupled import answers, fits_coupling
from accord.engine.planning.validation.start import start_at, starts_within
from accord.errors import MethodError, NetworkError, ProblemError, UnknownName
from accord.methods import BY_NAME
from accord.methods.contracts import by_agent, is_coupled, pattern_of
from accord.methods.hyperparameters import is_count, is_number, kinds_of
from accord.methods.server.fedsgd import FedSGD
from accord.methods.shared.local import SGD, GradientDescent
from accord.networks.faults import weighted
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, check_precision
from accord.robustness.attacks import Attacked


def plan_for(
    problem: Problem, method: Any, x0: Any, network: Any, channel: Any, participation: Any, aggregate: Any,
    stop: Stop | None, seed: int, record: int | None,
) -> tuple[Plan, tuple[Choice, ...]]:  # fmt: skip
    """Everything that fixes a run, once it fits together; and the hyper-parameters that were chosen."""
    _is_problem(problem)
    method = a_method(method)
    pattern = pattern_of(method)
    _fits_problem(method, problem)
    _strong_everywhere(method, problem)
    network = _fits_network(method, pattern, network, problem.names)
    cohort = _cohort(method, pattern, participation, problem.K)
    _is_rule(aggregate, method, pattern)
    _fits_aggregate(aggregate, method, cohort, problem.K)
    flat, shape = start_at(problem, x0)
    check_precision(problem, flat.dtype)
    _not_too_many(method, flat.size)
    method = by_agent(_located(_composite(method, problem), shape, problem.table), problem.names)
    starts_within(getattr(method, "regularizer", None), flat)
    sane(method)
    method, choices = tuned(method, problem, network, x0)
    within_limits(method, problem, network, x0, choices)
    check_even(method, problem)
    plan = Plan(problem, in_precision_of(method, flat.dtype), shape, flat, network, channel or Clear(), cohort,
                aggregate, stop or Stop(), int(seed), 1)  # fmt: skip
    rounds = None if record is None else whole(record)
    if record is not None and (rounds is None or rounds < 1):
        raise MethodError(f"record={record}: give a whole number of rounds between two records, at least 1.")
    with jax.enable_x64(plan.dtype == np.float64):
        fits_contract(plan)
        answers(plan)
        every = interval(plan, rounds)
        return replace(plan, every=every, kept=(rounds or every) // every), choices


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "network": (lambda value: isinstance(value, networks.Network | networks.NetworkSequence),
                "Give one of accord.networks, such as ring(20), from_networkx(graph) or from_weights(W)."),
    "channel": (lambda value: hasattr(value, "encode") and hasattr(value, "decode"),
                "Give one of accord.channels, such as accord.clip(1.0)."),
    "participation": (lambda value: number(value) is not None, "Give a share in (0, 1] or a number of clients."),
    "stop": (lambda value: isinstance(value, Stop), "Give accord.Stop(rounds=...)."),
    "seed": (lambda value: -(2**63) <= (whole(value) or 0) < 2**63 and whole(value) is not None,
             "Give a whole number, of 63 bits at most."),
    "record": (lambda value: number(value) is not None, "Give a whole number of rounds between two records."),
    "runtime": (lambda value: hasattr(value, "start") and not isinstance(value, type),
                "Give one of accord.runtimes, such as Threads()."),
    "checkpoint": (lambda value: isinstance(value, str | PathLike), "Give a directory."),
    "notify": (callable, "Give a function of a Progress."),
    "measure": (callable, "Give a function of a Moment that returns numbers by name."),
}  # fmt: skip
"""What each argument of `run` is, where it is given."""


def check_kinds(**given: Any) -> None:
    """Refuse an argument of `run` that is not what its name says, before anything looks inside."""
    for name, value in given.items():
        fits, remedy = KINDS[name]
        if (value is not None or name == "seed") and not fits(value):
            raise MethodError(f"{name}={reprlib.repr(value)} is of the kind {type(value).__name__}. {remedy}")


def a_method(method: Any) -> Any:
    """A method, given as itself, as its class, by a preset, or as local work of one step."""
    if isinstance(method, type) or any(method is preset for preset in BY_NAME.values()):
        method = method()
    if isinstance(method, GradientDescent) and method.steps == 1:
        return FedSGD(method.step_size)  # local work of one step, sent as it is
    if isinstance(method, SGD) and method.steps in (None, 1) and method.epochs is None:
        return FedSGD(method.step_size, method.batch_size)
    speaks = ("message", "messages", "phases", "broadcast", "respond", "update")
    if not hasattr(method, "init") or not any(hasattr(type(method), part) for part in speaks):
        raise MethodError(
            f"{method!r} is not a method. Give one of accord.methods, such as accord.FedAvg() or "
            "accord.GradientTracking()."
        )
    check_members(method)
    return method


def _is_problem(problem: Any) -> None:
    if not isinstance(problem, Problem):
        raise ProblemError(
            f"run needs an accord.Problem, but got {type(problem).__name__}. "
            "Make one with accord.Problem(loss, shards)."
        )


def _fits_problem(method: Any, problem: Problem) -> None:
    name = type(method).__name__
    if (problem.coupling is not None) != is_coupled(method):
        if is_coupled(method):
            raise MethodError(
                f"{name} sets prices on a shared constraint, and this problem has none. Use accord.Coupled, or FedAvg."
            )
        raise MethodError(
            f"{name} seeks one common model, but this problem couples decisions by a constraint. Use DualDecomposition."
        )
    fits_coupling(method, problem)
    if problem.opaque:
        needs = method.local.needs if hasattr(method, "local") else method.needs
        for k, shard in enumerate(problem.shards):
            if missing := [need for need in needs if need not in shard.oracles]:
                raise MethodError(
                    f"{name} needs the oracle {missing[0]!r}, which agent {k} does not answer. "
                    f"Give Opaque({missing[0]}=...)."
                )


def _is_rule(aggregate: Any, method: Any, pattern: str) -> None:
    if aggregate is not None and (pattern != "server" or not (callable(aggregate) or aggregate in ("mean", "sum"))):
        raise MethodError(f"aggregate={aggregate!r} does not fit {type(method).__name__}. "
                          "Give a rule of accord.aggregation to a server method, or leave it out.")  # fmt: skip


def _fits_aggregate(aggregate: Any, method: Any, cohort: int, K: int) -> None:
    """A rule of its own replaces a mean and no sum, and states how few replies it can do with."""
    if callable(aggregate) and (method.aggregate != "mean" or method.asynchronous):
        raise MethodError(f"{type(method).__name__} does not take the mean of all it is told, so that "
                          f"aggregate={aggregate!r} would change the method. Use FedAvg or FedSGD.")  # fmt: skip
    if hasattr(aggregate, "check"):
        aggregate.check(cohort)
    if isinstance(aggregate, Attacked) and cohort < K:
        raise MethodError(f"Attacked names agents {aggregate.agents} by their places among all, but in a cohort of "
                          f"{cohort} of {K} others stand there each round. Leave participation out.")  # fmt: skip


def _strong_everywhere(method: Any, problem: Problem) -> None:
    """An agent of weight 0 has f_k = 0 among peers, which a method that asks for strong convexity cannot bear."""
    idle = np.flatnonzero(problem.weights == 0)
    if method.convexity == "strong at every agent" and len(idle):
        raise MethodError(
            f"{type(method).__name__} needs every agent's f_k strongly convex, but agent {idle[0]} has weight 0. "
            "Leave it out of the problem and the network, or use GradientTracking, which lets it relay."
        )


def _fits_network(method: Any, pattern: str, network: Any, names: tuple[str, ...]) -> Any:
    name, K = type(method).__name__, len(names)
    if pattern != "peers":
        if network is not None:
            raise MethodError(
                f"{name} has a server in the middle and uses no network. Leave network out, or use GradientTracking."
            )
        return None
    if network is None:
        raise MethodError(f"{name} needs a network of {K} agents. Give one, such as network=accord.networks.ring({K}).")
    if network.size != K:
        raise NetworkError(f"The network has {network.size} agents, but the problem has {K}. Give a network of {K}.")
    network = network.of(names)
    for asked in asked_weights(method):
        networks.check(weighted(network, asked), asked, name, method.always_connected)
    least = method.least_eigenvalue
    if least is not None and network.lambda_min <= least + 1e-9:
        raise NetworkError(f"{name}(lazy=False) needs λ_min(W) above {least:.4f}, but it is {network.lambda_min:.4f} "
                           f"in the {network.name}: it would diverge. Use network.lazy(), or lazy=True.")  # fmt: skip
    _bears(method, network, name)
    return network


def _bears(method: Any, network: Any, name: str) -> None:
    """Refuse what may go wrong on a network where a method does not survive it, and a delay that W is too quick for."""
    for kind in (*network.faults.kinds, *(("vary",) if hasattr(network, "members") else ())):
        if kind not in method.bears:
            able = sorted(n for n, m in BY_NAME.items() if kind in getattr(m, "bears", ()))
            raise MethodError(f"{name} does not bear a network that can {kind!r}: "
                              "it would converge to a wrong answer, or not at all. "
                              f"Use one that does: {', '.join(able)}.")  # fmt: skip
    limit = 2 * math.sin(math.pi / (2 * (2 * network.faults.delay + 1)))
    if network.faults.delay and 1 - network.lambda_min >= limit:
        raise NetworkError(f"Under a delay of {network.faults.delay} rounds averaging is stable while 1 − λ_min(W) < "
                           f"{limit:.4f}, but it is "
                           f"{1 - network.lambda_min:.4f} here. Use network.lazy(), once or more, before "
                           ".delay().")  # fmt: skip


def _cohort(method: Any, pattern: str, participation: Any, K: int) -> int:
    name = type(method).__name__
    if participation is None:
        return K
    if pattern == "peers":
        raise MethodError(f"{name} has no server to choose a cohort. Let agents sleep instead: network.sleep(p).")
    if not method.partial:
        raise MethodError(f"{name} needs every agent's answer each round. Leave participation out.")
    share = number(participation)
    if share is None or not 0 < share <= (1 if isinstance(share, float) else K):
        raise MethodError(
            f"participation={participation}: give a share in (0, 1] or a number of clients from 1 to {K}."
        )
    return max(1, round(share * K)) if isinstance(share, float) else share


def _not_too_many(method: Any, d: int) -> None:
    if method.dimensions is not None and d > method.dimensions:
        raise MethodError(
            f"{type(method).__name__} holds a Hessian, {d * (d + 1) // 2:,} numbers for {d:,} decisions, and is for "
            f"{method.dimensions:,} decisions at most. Use GIANT, which sends vectors."
        )


def _composite(method: Any, problem: Problem) -> Any:
    if problem.regularizer is None or getattr(method, "regularizer", None) is not None:
        return method
    if not hasattr(method, "regularizer"):
        raise MethodError(f"{type(method).__name__} cannot treat the term {type(problem.regularizer).__name__}, "
                          "which has no gradient. "
                          "Use FedSGD, which takes proximal steps.")  # fmt: skip
    return replace(method, regularizer=problem.regularizer)


def _columns(table: Any) -> tuple[str, ...]:
    return () if table is None else table.columns


def _located(method: Any, shape: Shape, table: Any) -> Any:
    """The method with its personal parts as places in the flat vector; of a table's model they are its columns."""
    if not hasattr(method, "personal"):
        return method
    personal, columns = method.personal, _columns(table)
    if columns and not personal:
        raise MethodError(f"{type(method).__name__} keeps nothing at home without personal parts, and so is FedAvg. "
                          f"Give columns of the table: personal=({columns[-1]!r},).")  # fmt: skip
    if shape.leaves == ((len(columns),),) and not isinstance(personal, str):
        if strange := [part for part in personal if isinstance(part, str) and part not in columns]:
            raise UnknownName("column", strange[0], columns)
        places = {name: (i, i + 1) for i, name in enumerate(columns)}
        personal = tuple(places[part] if isinstance(part, str) else part for part in personal)
    return replace(method, personal=shape.places(personal)) if personal else method


def sane(method: Any) -> None:
    """FAULTS 21: a step, a penalty or a count that is no number, not positive, or in parts."""
    for part in (method, getattr(method, "local", None)):
        if part is None:
            continue
        if not is_dataclass(part):
            raise MethodError(
                f"{type(method).__name__} has local={part!r}. Give accord.SGD(...) or accord.GradientDescent(...)."
            )
        zeros: tuple[str, ...] = getattr(part, "may_be_zero", ())
        for name, kinds in kinds_of(type(part)).items():
            value, whole = getattr(part, name), is_count(kinds)
            if value is None or not is_number(kinds):
                continue
            number = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu"
            least = number and (value > 0 or (value == 0 and name in zeros))
            if not (least and np.isfinite(value) and (not whole or value == int(value))):
                raise MethodError(
                    f"{type(part).__name__} has {name}={reprlib.repr(value)}. "
                    f"Give a positive {'whole number' if whole else 'number'}, or leave it out to have it chosen."
                )


def in_precision_of(method: Any, dtype: np.dtype) -> Any:
    """Every hyper-parameter as an array of the run's precision, so that a new value compiles nothing anew."""

    def number(leaf: Any) -> np.ndarray:
        try:
            return np.asarray(leaf, dtype)
        except (TypeError, ValueError) as error:
            raise MethodError(f"{type(method).__name__} has {reprlib.repr(leaf)}, of the kind {type(leaf).__name__}, "
                              "where numbers belong. A term of your own is a frozen dataclass of its numbers, with "
                              "@accord.problems.pytree above it.") from error  # fmt: skip

    return jax.tree.map(number, method)
