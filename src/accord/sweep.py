"""Many runs in one compiled program: `sweep` tries every value of some hyper-parameters, and reports which did best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import product
from typing import Any

import jax
import numpy as np

from accord.core.devices import use_all_cpu_devices
from accord.core.interrupts import StopRequest, interruptible
from accord.core.status import Ending, Status
from accord.core.stop_monitor import GOING
from accord.core.stopping import Stop
from accord.engine import loop
from accord.engine.planning.build import as_method, build_plan
from accord.engine.planning.cost import per_round, recorded
from accord.engine.planning.plan import Plan
from accord.engine.planning.request import RunRequest
from accord.engine.planning.tuning import within_limits
from accord.engine.planning.validation.arguments import check_hyperparameters, in_precision_of
from accord.errors import MethodError, UnknownName
from accord.problems.problem import Problem
from accord.results.build import RunEnd, build_run, rows_of
from accord.results.records import Records
from accord.results.run import Run
from accord.results.sweep import Sweep
from accord.run import judged
from accord.runtimes.batched import BatchedSession
from accord.runtimes.vectorised import Vectorised


def sweep(
    problem: Problem,
    method: Any,
    x0: Any = None,
    *,
    network: Any = None,
    channel: Any = None,
    participation: float | int | None = None,
    aggregate: Any = None,
    stop: Stop | None = None,
    seed: int = 0,
    record: int | None = None,
    **values: Sequence[Any],
) -> Sweep:
    """Run a method once for every combination of some hyper-parameters' values, all runs in one compiled program.

    - `values`: lists of what to try, by the names of the method's hyper-parameters, as `step_size=[0.1, 0.2]`. Those of
      its local work go by their own name, or by `**{"local.step_size": [...]}` where the method has one of that name.
    - All else as in `accord.run`. What is neither tried nor given is chosen once, and is the same in all runs.

    Numbers vary within one program; whole numbers, words and functions, as `steps` and `optimizer`, make one each.
    Each run stops by its own history; the seconds in it are those of all runs together. The state of all runs is held
    at once, the data once; several devices share the runs.

    Raises `UnknownName` for a hyper-parameter that the method has not, and what `accord.run` raises.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0])
    >>> tried = accord.sweep(problem, accord.FedSGD(), step_size=[0.01, 0.1, 0.5])
    >>> tried.best_values, float(tried.best.x.round(4))
    ({'step_size': 0.5}, 3.0)
    """
    method = as_method(method)
    combinations = _combinations(method, values)
    request = RunRequest(
        problem=problem,
        method=_with(method, combinations[0]),
        x0=x0,
        network=network,
        channel=channel,
        participation=participation,
        aggregate=aggregate,
        stop=stop,
        seed=seed,
        record=record,
    )
    use_all_cpu_devices()
    plan, choices = build_plan(request)
    if plan.method.asynchronous or problem.opaque or problem.stored:
        raise MethodError(
            "sweep runs agents in JAX and in memory that keep step with one another. "
            "Use accord.run, once for each value."
        )
    plans = [plan, *(_likewise(plan, _with(plan.method, values), record) for values in combinations[1:])]
    runs: dict[int, Run] = {}
    with jax.enable_x64(plan.dtype == np.float64), interruptible() as asked:
        for alike in _programs(plans):
            ended = _SweepLoop([plans[i] for i in alike]).run(asked)
            runs |= {i: build_run(plans[i], end, choices, Vectorised()) for i, end in zip(alike, ended, strict=True)}
    return Sweep(tuple(combinations), tuple(runs[i] for i in range(len(plans))))


def _combinations(method: Any, values: dict[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Combine every value of the one with every value of the others."""
    if not values:
        raise MethodError(
            f"sweep needs something to try. Give lists by name, such as {next(iter(_known(method)))}=[...]."
        )
    for name, tried in values.items():
        if name not in (known := _known(method)):
            raise UnknownName(f"hyper-parameter of {type(method).__name__}", name, known)
        if isinstance(tried, str) or np.ndim(np.asarray(tried, object)) == 0 or len(tried) == 0:
            raise MethodError(f"{name}={tried!r}: give a list of values to try, such as [0.01, 0.1].")
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def _known(method: Any) -> dict[str, tuple[str, ...]]:
    """Return the place of each hyper-parameter, by the names that it goes by."""
    own = {f.name: (f.name,) for f in fields(method)}
    inner = {f.name: ("local", f.name) for f in fields(method.local)} if hasattr(method, "local") else {}
    return inner | {".".join(path): path for path in inner.values()} | own


def _with(method: Any, values: dict[str, Any]) -> Any:
    """The method with these hyper-parameters."""
    for name, value in values.items():
        *outer, last = _known(method)[name]
        part = replace(method.local if outer else method, **{last: value})
        method = replace(method, local=part) if outer else part
    return method


def _likewise(plan: Plan, method: Any, record: int | None) -> Plan:
    """The same run by other hyper-parameters of the same method: all that can be wrong is they."""
    check_hyperparameters(method)
    within_limits(method, plan.problem, plan.network, plan.shape.unflatten(plan.x0))
    return recorded(replace(plan, method=in_precision_of(method, plan.dtype)), record)


def _programs(plans: list[Plan]) -> list[list[int]]:
    """The numbers of the plans that one program can live, for each program."""
    alike: dict[Any, list[int]] = {}
    for i, plan in enumerate(plans):
        alike.setdefault(jax.tree.structure(plan.method), []).append(i)
    return list(alike.values())


class _SweepLoop:
    """The runs of one compiled program, block by block, until the last has stopped."""

    measured = False

    def __init__(self, plans: list[Plan]) -> None:
        self.plans, self.session, self.cost = plans, BatchedSession(plans), per_round(plans[0])
        self.records = [Records() for _ in plans]
        self.round, self.spent, self.started = 0, 0.0, time.monotonic()

    def run(self, asked: StopRequest) -> list[RunEnd]:
        """Advance until no run goes on, and return how each ended."""
        stop = self.plans[0].stop
        limit = loop.run(self, stop, self.plans[0].every, asked) or Ending(Status.ROUND_LIMIT, limit=stop.rounds)
        self._finish()
        verdicts = self.session.verdicts[: len(self.plans)].tolist()
        endings = [
            limit if verdict == GOING else judged(plan, verdict, self.session.watch_of(i))
            for i, (plan, verdict) in enumerate(zip(self.plans, verdicts, strict=True))
        ]
        rounds = self.session.rounds[: len(self.plans)].tolist()
        return list(map(RunEnd, self.session.outcomes(), self.records, rounds, endings))

    @property
    def going(self) -> bool:
        """True where any run goes on."""
        return len(self.session.going) > 0

    def advance(self, records: int, every: int) -> None:
        first, before = self.round, self.spent
        found = self.session.advance(records, every)
        self.spent = time.monotonic() - self.started
        for i, record in found.items():
            self.records[i] += rows_of(record, first, every, self.cost, before, self.spent)
        self.round += records * every

    def between_blocks(self, *, last: bool) -> None:
        """Keep nothing: a sweep has no checkpoint."""

    def _finish(self) -> None:
        """A last record of the runs that a limit cut short."""
        going = self.session.going
        if not len(going) or self.records[going[0]][-1]["round"] == self.round:
            return
        self.advance(1, 0)
