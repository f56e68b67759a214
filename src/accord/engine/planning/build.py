"""From what a user writes to a plan."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import replace
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
from accord.engine.planning.plan import Plan
from accord.engine.planning.tuning import TunedParameter, tune, within_limits
from accord.engine.planning.validation.arguments import _cohort, _located, check_hyperparameters, in_precision_of
from accord.engine.planning.validation.compatibility import (
    _composite,
    _fits_aggregate,
    _fits_network,
    _fits_problem,
    _is_problem,
    _is_rule,
    _not_too_many,
    _require_strong_convexity,
)
from accord.engine.planning.validation.contract import check_members, fits_contract
from accord.engine.planning.validation.coupled import check_best_responses
from accord.engine.planning.validation.start import start_at, starts_within
from accord.errors import MethodError
from accord.methods import BY_NAME
from accord.methods.server.fedsgd import FedSGD
from accord.methods.shared.local import SGD, GradientDescent
from accord.methods.traits import by_agent, pattern_of
from accord.problems.problem import Problem, check_precision


def plan_for(
    problem: Problem,
    method: Any,
    x0: Any,
    network: Any,
    channel: Any,
    participation: Any,
    aggregate: Any,
    stop: Stop | None,
    seed: int,
    record: int | None,
) -> tuple[Plan, tuple[TunedParameter, ...]]:
    """Everything that fixes a run, once it fits together; and the hyper-parameters that were chosen."""
    _is_problem(problem)
    method = as_method(method)
    pattern = pattern_of(method)
    _fits_problem(method, problem)
    _require_strong_convexity(method, problem)
    network = _fits_network(method, pattern, network, problem.names)
    cohort = _cohort(method, pattern, participation, problem.K)
    _is_rule(aggregate, method, pattern)
    _fits_aggregate(aggregate, method, cohort, problem.K)
    flat, shape = start_at(problem, x0)
    check_precision(problem, flat.dtype)
    _not_too_many(method, flat.size)
    method = by_agent(_located(_composite(method, problem), shape, problem.table), problem.names)
    starts_within(getattr(method, "regularizer", None), flat)
    check_hyperparameters(method)
    method, choices = tune(method, problem, network, x0)
    within_limits(method, problem, network, x0, choices)
    check_even(method, problem)
    plan = Plan(
        problem,
        in_precision_of(method, flat.dtype),
        shape,
        flat,
        network,
        channel or Clear(),
        cohort,
        aggregate,
        stop or Stop(),
        int(seed),
        1,
    )
    rounds = None if record is None else whole(record)
    if record is not None and (rounds is None or rounds < 1):
        raise MethodError(f"record={record}: give a whole number of rounds between two records, at least 1.")
    with jax.enable_x64(plan.dtype == np.float64):
        fits_contract(plan)
        check_best_responses(plan)
        every = interval(plan, rounds)
        return replace(plan, every=every, kept=(rounds or every) // every), choices


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "network": (
        lambda value: isinstance(value, networks.Network | networks.NetworkSequence),
        "Give one of accord.networks, such as ring(20), from_networkx(graph) or from_weights(W).",
    ),
    "channel": (
        lambda value: hasattr(value, "encode") and hasattr(value, "decode"),
        "Give one of accord.channels, such as accord.clip(1.0).",
    ),
    "participation": (lambda value: number(value) is not None, "Give a share in (0, 1] or a number of clients."),
    "stop": (lambda value: isinstance(value, Stop), "Give accord.Stop(rounds=...)."),
    "seed": (
        lambda value: -(2**63) <= (whole(value) or 0) < 2**63 and whole(value) is not None,
        "Give a whole number, of 63 bits at most.",
    ),
    "record": (lambda value: number(value) is not None, "Give a whole number of rounds between two records."),
    "runtime": (
        lambda value: hasattr(value, "start") and not isinstance(value, type),
        "Give one of accord.runtimes, such as Threads().",
    ),
    "checkpoint": (lambda value: isinstance(value, str | PathLike), "Give a directory."),
    "notify": (callable, "Give a function of a Progress."),
    "measure": (callable, "Give a function of a Moment that returns numbers by name."),
}
"""What each argument of `run` is, where it is given."""


def check_kinds(**given: Any) -> None:
    """Refuse an argument of `run` that is not what its name says, before anything looks inside."""
    for name, value in given.items():
        fits, remedy = KINDS[name]
        if (value is not None or name == "seed") and not fits(value):
            raise MethodError(f"{name}={reprlib.repr(value)} is of the kind {type(value).__name__}. {remedy}")


def as_method(method: Any) -> Any:
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
