"""The check at the door: what does not fit together is refused here, in a sentence, before anything starts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from accord import networks
from accord.engine.planning.plan import required_weights
from accord.engine.planning.validation.coupled import fits_coupling
from accord.errors import MethodError, NetworkError, ProblemError
from accord.methods import BY_NAME
from accord.methods.traits import is_coupled
from accord.networks.faults import weighted
from accord.problems.problem import Problem
from accord.robustness.attacks import Attacked


def check_is_problem(problem: Any) -> None:
    """Refuse what is no problem."""
    if not isinstance(problem, Problem):
        raise ProblemError(
            f"run needs an accord.Problem, but got {type(problem).__name__}. "
            "Make one with accord.Problem(loss, shards)."
        )


def check_problem(method: Any, problem: Problem) -> None:
    """Refuse a method that cannot solve this kind of problem."""
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


def check_rule(aggregate: Any, method: Any, pattern: str) -> None:
    """Refuse a rule for replies that is none, or where no server takes replies."""
    if aggregate is not None and (pattern != "server" or not (callable(aggregate) or aggregate in ("mean", "sum"))):
        raise MethodError(
            f"aggregate={aggregate!r} does not fit {type(method).__name__}. "
            "Give a rule of accord.aggregation to a server method, or leave it out."
        )


def check_aggregate(aggregate: Any, method: Any, cohort: int, K: int) -> None:
    """A rule of its own replaces a mean and no sum, and states how few replies it can do with."""
    if callable(aggregate) and (method.aggregate != "mean" or method.asynchronous):
        raise MethodError(
            f"{type(method).__name__} does not take the mean of all it is told, so that "
            f"aggregate={aggregate!r} would change the method. Use FedAvg or FedSGD."
        )
    if hasattr(aggregate, "check"):
        aggregate.check(cohort)
    if isinstance(aggregate, Attacked) and cohort < K:
        raise MethodError(
            f"Attacked names agents {aggregate.agents} by their places among all, but in a cohort of "
            f"{cohort} of {K} others stand there each round. Leave participation out."
        )


def check_convexity(method: Any, problem: Problem) -> None:
    """Refuse an agent of weight 0 among peers, f_k = 0, for a method that asks for strong convexity."""
    idle = np.flatnonzero(problem.weights == 0)
    if method.convexity == "strong at every agent" and len(idle):
        raise MethodError(
            f"{type(method).__name__} needs every agent's f_k strongly convex, but agent {idle[0]} has weight 0. "
            "Leave it out of the problem and the network, or use GradientTracking, which lets it relay."
        )


def fitted_network(method: Any, pattern: str, network: Any, names: tuple[str, ...]) -> Any:
    """Give the network with its agents in the problem's order; refuse one on which the method does not converge."""
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
    for asked in required_weights(method):
        networks.check(weighted(network, asked), asked, name, method.always_connected)
    least = method.least_eigenvalue
    if least is not None and network.lambda_min <= least + 1e-9:
        raise NetworkError(
            f"{name}(lazy=False) needs λ_min(W) above {least:.4f}, but it is {network.lambda_min:.4f} "
            f"in the {network.name}: it would diverge. Use network.lazy(), or lazy=True."
        )
    _tolerates(method, network, name)
    return network


def _tolerates(method: Any, network: Any, name: str) -> None:
    """Refuse what may go wrong on a network where a method does not survive it, and a delay that W is too quick for."""
    for kind in (*network.faults.kinds, *(("vary",) if hasattr(network, "members") else ())):
        if kind not in method.bears:
            able = sorted(n for n, m in BY_NAME.items() if kind in getattr(m, "bears", ()))
            raise MethodError(
                f"{name} does not bear a network that can {kind!r}: "
                "it would converge to a wrong answer, or not at all. "
                f"Use one that does: {', '.join(able)}."
            )
    limit = 2 * math.sin(math.pi / (2 * (2 * network.faults.delay + 1)))
    if network.faults.delay and 1 - network.lambda_min >= limit:
        raise NetworkError(
            f"Under a delay of {network.faults.delay} rounds averaging is stable while 1 − λ_min(W) < "
            f"{limit:.4f}, but it is "
            f"{1 - network.lambda_min:.4f} here. Use network.lazy(), once or more, before "
            ".delay()."
        )


def check_dimension(method: Any, d: int) -> None:
    """Refuse more decisions than a method that holds a matrix can hold."""
    if method.dimensions is not None and d > method.dimensions:
        raise MethodError(
            f"{type(method).__name__} holds a Hessian, {d * (d + 1) // 2:,} numbers for {d:,} decisions, and is for "
            f"{method.dimensions:,} decisions at most. Use GIANT, which sends vectors."
        )


def with_regularizer(method: Any, problem: Problem) -> Any:
    """Give the method with the problem's term that has no gradient."""
    if problem.regularizer is None or getattr(method, "regularizer", None) is not None:
        return method
    if not hasattr(method, "regularizer"):
        raise MethodError(
            f"{type(method).__name__} cannot treat the term {type(problem.regularizer).__name__}, "
            "which has no gradient. "
            "Use FedSGD, which takes proximal steps."
        )
    return replace(method, regularizer=problem.regularizer)


def columns_of(table: Any) -> tuple[str, ...]:
    """Give the columns of a table's model; none where there is no table."""
    return () if table is None else table.columns
