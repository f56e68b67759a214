"""From records to a run: rows of the history, the answer in the shape of x0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.channels import Clear
from accord.core.lazy_sequence import LazySequence
from accord.core.status import Ending
from accord.engine.inexactness import warn_if_inexact
from accord.engine.planning.cost import Cost
from accord.engine.planning.plan import Plan
from accord.engine.planning.tuning import TunedParameter
from accord.engine.session import Outcome, Record
from accord.results.columns import CLOCK_COLUMNS, table
from accord.results.facts import Facts
from accord.results.feasibility import unmet_caps
from accord.results.records import Records
from accord.results.run import Run


def rows_of(
    found: Record, first: int, every: int, cost: Cost, before: float, after: float
) -> Iterator[dict[str, float]]:
    """The records of a block that began at round `first`, as rows of the history."""
    count = len(found.objective)
    for i in range(count):
        t = first + i * every
        yield {
            "round": t,
            "objective": float(found.objective[i]),
            "disagreement": float(found.disagreement[i]),
            "worst": float(found.worst[i]),
            "dual_value": float(found.dual_value[i]),
            "residual": float(found.residual[i]),
            "messages": t * cost.messages,
            "bytes": t * cost.bytes,
            "gradients": t * cost.gradients,
            "seconds": before + (after - before) * (i + 1) / count,
            **{name: float(getattr(found, name)[i]) for name in CLOCK_COLUMNS if getattr(found, name) is not None},
        }


class RunEnd(NamedTuple):
    """The end of a run."""

    outcome: Outcome
    records: Records
    rounds: int
    ending: Ending


def build_run(plan: Plan, ended: RunEnd, choices: tuple[TunedParameter, ...], runtime: Any) -> Run:
    """The run as the user keeps it: in the shape of x0, in NumPy."""
    outcome = ended.outcome
    warn_if_inexact(plan, outcome)
    x, own = answers_of(plan, outcome)
    losses = np.where(plan.problem.sizes[plan.problem.panel] > 0, np.asarray(outcome.losses, float), np.nan)
    ending = unmet_caps(plan, losses) or ended.ending
    return Run(
        x=x,
        own=own,
        prices=None if outcome.prices is None else np.asarray(outcome.prices),
        lost=losses,
        history=_history(plan, ended.records),
        ending=ending,
        rounds=ended.rounds,
        facts=_facts(plan, choices, runtime),
        table=plan.problem.table,
        problem=plan.problem,
    )


def _history(plan: Plan, records: Records) -> Any:
    """The records that are kept: as often as the user asked, and the last."""
    frame = table(records, plan.stop.window, plan.coupled)
    kept = (frame["round"] % (plan.every * plan.kept) == 0) | (frame.index == len(frame) - 1)
    return frame if plan.kept == 1 else frame[kept].reset_index(drop=True)


def answers_of(plan: Plan, outcome: Outcome) -> tuple[Any, Sequence[Any]]:
    """The answer and the agents' own, in the shape of x0; those not before they are read."""
    shaped = lambda x: jax.tree.map(np.asarray, plan.shape.unflatten(np.asarray(x)))  # noqa: E731
    own = LazySequence(len(outcome.agents), lambda: list(map(shaped, outcome.agents)))
    return np.stack(own) if plan.coupled else shaped(outcome.x), own


def _facts(plan: Plan, choices: tuple[TunedParameter, ...], runtime: Any) -> Facts:
    method, problem, panel = plan.method, plan.problem, plan.problem.panel
    return Facts(
        method=type(method).__name__,
        pattern="prices" if plan.coupled else plan.pattern,
        runtime=type(runtime).__name__.lower(),
        agents=tuple(problem.names[k] for k in panel),
        sizes=tuple(map(int, problem.sizes[panel])),
        weights=tuple(map(float, problem.weights[panel])),
        network=None if plan.network is None else plan.network.name,
        given=tuple(_given(plan, {choice.name for choice in choices})),
        settings=(*map(str, choices), *_how(plan)),
        limits=(plan.stop.progress, plan.stop.agreement),
        reference=method.reference,
        exact=_reached(plan, runtime),
        seed=plan.seed,
        population=problem.K,
    )


def _how(plan: Plan) -> Iterator[str]:
    """Yield what was chosen of the way agents are computed, a phrase each."""
    if plan.convolves:
        yield "agents one after another, because the loss convolves"
    yield from getattr(plan.problem.table, "notes", ())


def _reached(plan: Plan, runtime: Any) -> bool | str:
    """Return True where the run goes to the optimum of F, or in words to what else."""
    method, rule = plan.method, plan.aggregate
    if callable(rule):
        makes = "what {} makes of the replies, each counted once whatever its weight p_k, and not the optimum of F"
        return getattr(rule, "exact", makes.format(type(rule).__name__))
    sampled = method.cohort == "by weight" and not method.asynchronous and plan.cohort < plan.problem.K
    exact = method.sampled if sampled and method.exact is True else method.exact
    if method.minimises != "F":
        exact = f"the optimum of {method.minimises}, which is not that of F"
        exact = f"{exact}; in cohorts, {method.sampled}" if sampled else exact
    if getattr(runtime, "deadline", None) is None or method.cohort == "alike":
        return exact
    late = "who is late counts nothing, so that who is quick counts for more"
    return f"the optimum over those quick enough to be heard: {late}" if exact is True else f"{exact}; {late}"


def _given(plan: Plan, chosen: set[str]) -> Iterator[str]:
    """Yield what was set rather than chosen, a phrase each."""
    for part in (plan.method, getattr(plan.method, "local", None)):
        for name, value in vars(part).items() if part is not None else ():
            words, number = name.replace("_", " "), isinstance(value, (int, float, np.ndarray)) and np.ndim(value) == 0
            if number and not isinstance(value, bool) and words not in chosen:
                yield f"{words} {value:g}"
    if plan.cohort < plan.problem.K:
        when = "at work at a time" if plan.method.asynchronous else "a round"
        yield f"{plan.cohort} of {plan.problem.K} clients {when}"
    if len(plan.problem.panel) < plan.problem.K:
        yield f"objective and losses over a panel of {len(plan.problem.panel):,} of {plan.problem.K:,} clients"
    if type(plan.channel) is not Clear:
        yield f"channel {plan.channel}"
