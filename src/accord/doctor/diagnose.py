"""`diagnose`: what a problem's agents are like, what that will cost, and which method to take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from accord.doctor import rates, verification
from accord.doctor.diagnosis import Diagnosis
from accord.doctor.floors import Floor, floor
from accord.doctor.measures import Measures, measure
from accord.doctor.model import Delay, FloorComparison
from accord.engine.planning.build import build_plan
from accord.engine.planning.constants import constants
from accord.engine.planning.cost import per_round
from accord.engine.planning.request import RunRequest, check_kinds
from accord.engine.planning.tuning import tune
from accord.engine.planning.validation.start import start_at
from accord.errors import MethodError, NetworkError, ProblemError
from accord.methods import NIDS, FedSGD, GradientTracking, Newton, NewtonConsensus, Scaffnew
from accord.problems.population.in_memory import Population
from accord.problems.problem import Problem

DELAYS = (1, 4)  # rounds, at which the limit of staleness is checked
NEAR = 0.05  # below and above that limit


def diagnose(
    problem: Problem,
    network: Any = None,
    x0: Any = None,
    *,
    check: bool = False,
    local_steps: Sequence[int] = (2, 5, 20),
    share: float = 1e-4,
) -> Diagnosis:
    """Measure how different the agents are, what that will cost, and which method and step size to take.

    - `network`: the links; None for a server. `x0`: where runs would start; the problem's own where None.
    - `check`: also make short runs, and put what they measured beside what was predicted.
    - `local_steps`: τ of FedAvg, for each of which the floor it will stand on is predicted.
    - `share`: of the initial F − F*, down to which rounds are counted.

    Agents are asked for losses, gradients and Hessian-vector products, each on its own rows; no row leaves its agent,
    and `Diagnosis.said` lists what does. Raises `ProblemError` where there is no gradient to ask for, or no minimum.

    >>> import accord
    >>> found = diagnose(accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0]), local_steps=[10])
    >>> found.floors["predicted"].round(9).tolist()  # FedAvg's fixed point is 0.605676 of the way from the optimum
    [0.303515336]
    """
    check_kinds(network=network)
    _fits(problem, network, local_steps, share)
    flat, shape = start_at(problem, x0)
    with jax.enable_x64(True):
        agents, start = Population(problem), np.asarray(flat, np.float64)
        found = measure(problem, agents, start)
        _has_minimum(found)
        step_size = 1 / constants(problem, "server", x0=x0)[0].L
        floors = [floor(agents, found.common.x, found.common.value, start, step_size, tau) for tau in local_steps]
        said = dict(agents.said)  # what is asked from here on is for the check
        rested = [_rested(problem, agents, found, one, check) for one in floors]
        delays = [_delay(agents, found, d, check) for d in DELAYS]
    counted = list(_rounds(problem, shape.unflatten(flat), network, found, share, check))
    itemsize, size = flat.dtype.itemsize, shape.size
    return Diagnosis.of(problem, network, found, rested, counted, delays, said, share, step_size, size * itemsize)


def _fits(problem: Problem, network: Any, local_steps: Sequence[int], share: float) -> None:
    if not isinstance(problem, Problem):
        raise ProblemError(f"diagnose needs an accord.Problem, but got {type(problem).__name__}.")
    if problem.stored:
        raise ProblemError(
            "The shards are stored elsewhere, and the doctor asks every agent many questions. Diagnose "
            "a problem of some of them, in memory."
        )
    if problem.coupling is not None:
        raise ProblemError(
            "These agents share a constraint, and each has a decision of its own. The doctor "
            "examines agents that seek one common model; for prices, accord.run tells what it "
            "chose."
        )
    if problem.opaque:
        raise MethodError(
            "The agents are opaque, so nobody can ask them for Hessian-vector products. "
            "Run a method with a step size of your own."
        )
    if problem.regularizer is not None:
        raise ProblemError(
            f"The term {type(problem.regularizer).__name__} has no gradient, on which all predictions "
            "rest. Diagnose the problem without it: Problem(..., regularizer=None)."
        )
    if hasattr(problem.loss, "bounds") and not math.isfinite(problem.loss.bounds(problem.shards[0]).L):
        raise ProblemError(
            f"A {type(problem.loss).__name__} has no curvature, on which all predictions rest. "
            "Diagnose a smooth loss on the same data, such as the logistic."
        )
    if network is not None and network.size != problem.K:
        raise NetworkError(f"The network has {network.size} agents, but the problem has {problem.K}.")
    if not local_steps or min(local_steps) < 1 or any(tau != int(tau) for tau in local_steps):
        raise MethodError(f"local_steps={list(local_steps)}. Give whole numbers of local steps, at least 1 each.")
    if not 0 < share < 1:
        raise MethodError(f"share={share}. Give a share of the initial F − F* between 0 and 1, such as 1e-4.")


def _has_minimum(found: Measures) -> None:
    if not found.common.found or found.curved[0] < -1e-8 * found.curved[1]:
        raise ProblemError(
            f"No minimum was found: where the search ended the gradient is {found.common.left:.1g} times that at x0, "
            f"and F curves by {found.curved[0]:.2g} to {found.curved[1]:.2g}. Predictions need one; give an l2, or "
            "another x0."
        )


def _rested(problem: Problem, agents: Population, found: Measures, one: Floor, check: bool) -> FloorComparison:
    if not check:
        return FloorComparison(one, math.nan, math.nan)
    left = 1e-12 if hasattr(problem.loss, "quadratic") else 3e-3
    return FloorComparison(
        one, *verification.run_to_fixed_point(problem, agents, found.common.x, found.common.value, one, left)
    )


def _delay(agents: Population, found: Measures, delay: int, check: bool) -> Delay:
    longest = rates.longest_step(delay, found.curved[1])
    if not check:
        return Delay(delay, longest, None, None)
    below, above = (
        verification.is_unstable(agents, found.common.x, delay, part, found.seen) for part in (1 - NEAR, 1 + NEAR)
    )
    return Delay(delay, longest, not below, above)


def _rounds(
    problem: Problem, x0: Any, network: Any, found: Measures, share: float, check: bool
) -> Iterator[rates.Rounds]:
    for kind in (FedSGD, Scaffnew, Newton) if network is None else (NIDS, GradientTracking, NewtonConsensus):
        try:
            method, _ = tune(kind(), problem, network, x0)
            plan, _ = build_plan(RunRequest(problem=problem, method=method, x0=x0, network=network))
        except (MethodError, NetworkError):  # it cannot do this problem or network, and would give the reason
            continue
        predicted, basis = _foreseen(method, network, found, share)
        cost = per_round(plan).bytes
        measured = math.nan
        if check:
            measured = verification.taken(problem, method, x0, network, found.common.value, share, predicted)
        yield rates.Rounds(kind.__name__, predicted, basis, predicted * cost, measured)


def _foreseen(method: Any, network: Any, found: Measures, share: float) -> tuple[float, str]:
    """Rounds, and by which theory."""
    if isinstance(method, Newton | NewtonConsensus):
        common = found.common
        gaps = np.array(common.path) - common.value
        steps = int(np.argmax(gaps <= share * gaps[0]))
        return max(steps, 1), "the doctor's own search, which is Newton's"
    if isinstance(method, FedSGD) and method.step_size is not None:
        return rates.descent(found.seen, method.step_size, share), "the spectrum of F at the optimum"
    if isinstance(method, Scaffnew) and method.steps is not None:
        if not (least := float(np.nanmin(found.mu))) > 0:
            return math.nan, "none: its theorem needs every agent strongly convex"
        kappa = 1 / (method.step_size * max(least, found.curved[0]))
        return rates.skipping(kappa, method.steps, share), "its theorem, a bound"
    if hasattr(network, "members") or network.directed or network.faults.kinds:
        return math.nan, "none: it needs a network that stays, and symmetric weights"
    W = network.W if isinstance(network.W, np.ndarray) else network.W.toarray()
    with jax.enable_x64(True):
        return rates.among_peers(method, W, found.seen, share), "the modes of W, for agents of one Hessian"
