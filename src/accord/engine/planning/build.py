"""From a request to a plan, in five steps: resolve, validate, locate, tune, budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.channels import Clear
from accord.core.kinds import whole
from accord.core.stopping import Stop
from accord.engine.planning.cost import recorded
from accord.engine.planning.partial_work import check_even
from accord.engine.planning.plan import Plan
from accord.engine.planning.request import RunRequest
from accord.engine.planning.tuning import TunedParameter, tune, within_limits
from accord.engine.planning.validation.arguments import (
    check_hyperparameters,
    cohort_size,
    in_precision_of,
    with_personal_places,
)
from accord.engine.planning.validation.compatibility import (
    check_aggregate,
    check_convexity,
    check_dimension,
    check_is_problem,
    check_problem,
    check_rule,
    fitted_network,
    with_regularizer,
)
from accord.engine.planning.validation.contract import check_members, fits_contract
from accord.engine.planning.validation.coupled import check_best_responses
from accord.engine.planning.validation.start import start_at, starts_within
from accord.errors import MethodError
from accord.methods import BY_NAME
from accord.methods.server.fedsgd import FedSGD
from accord.methods.shared.local import SGD, GradientDescent
from accord.methods.traits import by_agent, pattern_of
from accord.problems.data.shape import Shape
from accord.problems.problem import check_precision


class Planned(NamedTuple):
    """A plan, and the hyper-parameters that were chosen for it."""

    plan: Plan
    choices: tuple[TunedParameter, ...]


class Fit(NamedTuple):
    """The parts that fit together: the network with its agents in the problem's order, and the clients of a round."""

    network: Any
    cohort: int


class Start(NamedTuple):
    """The point that a run starts from, and the method as it is there."""

    x0: np.ndarray  # (d,) in the run's precision
    shape: Shape
    method: Any


def build_plan(request: RunRequest) -> Planned:
    """Plan a run: everything that fixes it but where it happens.

    Raises `MethodError`, `NetworkError`, `ProblemError` where the parts do not fit together.
    """
    resolved = resolve(request)
    fit = validate(resolved)
    start = locate(resolved)
    method, choices = tuned(resolved, fit, start)
    return Planned(budget(resolved, fit, start._replace(method=method)), choices)


def resolve(request: RunRequest) -> RunRequest:
    """Put in the place of presets and of what was left out what they stand for."""
    check_is_problem(request.problem)
    return replace(
        request,
        method=as_method(request.method),
        channel=request.channel or Clear(),
        stop=request.stop or Stop(),
        seed=int(request.seed),
    )


def validate(asked: RunRequest) -> Fit:
    """Refuse a method, a problem, a network and a rule for replies that do not fit together."""
    problem, method, pattern = asked.problem, asked.method, pattern_of(asked.method)
    check_problem(method, problem)
    check_convexity(method, problem)
    network = fitted_network(method, pattern, asked.network, problem.names)
    cohort = cohort_size(method, pattern, asked.participation, problem.K)
    check_rule(asked.aggregate, method, pattern)
    check_aggregate(asked.aggregate, method, cohort, problem.K)
    return Fit(network, cohort)


def locate(asked: RunRequest) -> Start:
    """Flatten x0, and place in it what the method has for parts of x or for single agents."""
    problem = asked.problem
    flat, shape = start_at(problem, asked.x0)
    check_precision(problem, flat.dtype)
    check_dimension(asked.method, flat.size)
    method = with_personal_places(with_regularizer(asked.method, problem), shape, problem.table)
    method = by_agent(method, problem.names)
    starts_within(getattr(method, "regularizer", None), flat)
    return Start(flat, shape, method)


def tuned(asked: RunRequest, fit: Fit, start: Start) -> tuple[Any, tuple[TunedParameter, ...]]:
    """Choose the hyper-parameters that were left out, and refuse those beyond their limits."""
    method = start.method
    check_hyperparameters(method)
    method, choices = tune(method, asked.problem, fit.network, asked.x0)
    within_limits(method, asked.problem, fit.network, asked.x0, choices)
    check_even(method, asked.problem)
    return in_precision_of(method, start.x0.dtype), choices


def budget(asked: RunRequest, fit: Fit, start: Start) -> Plan:
    """Trace a round, and choose from its cost how often it is recorded."""
    stop: Any = asked.stop
    plan = Plan(
        asked.problem,
        start.method,
        start.shape,
        start.x0,
        fit.network,
        asked.channel,
        fit.cohort,
        asked.aggregate,
        stop,
        asked.seed,
        every=1,
    )
    rounds = None if asked.record is None else whole(asked.record)
    if asked.record is not None and (rounds is None or rounds < 1):
        raise MethodError(f"record={asked.record}: give a whole number of rounds between two records, at least 1.")
    with jax.enable_x64(plan.dtype == np.float64):
        fits_contract(plan)
        check_best_responses(plan)
        return recorded(plan, rounds)


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
