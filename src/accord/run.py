"""The entry point: `run` checks everything before anything starts, then executes the plan and returns a `Run`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from accord.core.devices import use_all_cpu_devices
from accord.core.interrupts import StopRequest, interruptible
from accord.core.kinds import known_keywords
from accord.core.status import Ending, Status
from accord.core.stop_monitor import GOING, StopMonitor
from accord.core.stopping import Stop
from accord.core.verdict import ending as ending_of
from accord.engine import loop
from accord.engine.planning.build import build_plan
from accord.engine.planning.cost import per_round
from accord.engine.planning.plan import Plan
from accord.engine.planning.request import RunRequest, check_kinds
from accord.engine.session import Session
from accord.errors import MethodError
from accord.problems.problem import Problem
from accord.results.build import RunEnd, answers_of, build_run, rows_of
from accord.results.checkpoint import Checkpoint, reserved
from accord.results.columns import COLUMNS, PRICE_COLUMNS
from accord.results.records import Records
from accord.results.rollback import fallen_back
from accord.results.run import Run
from accord.runtimes.streamed import runtime_for

LIMITS = ("rounds", "progress", "agreement", "window", "seconds")
HINTS = {name: f"Give stop=accord.Stop({name}=...)." for name in LIMITS}
HINTS |= dict.fromkeys(("step_size", "penalty", "local", "optimizer"), "Give it to the method.")
"""The remedy for an argument that `run` does not have."""


class Moment(NamedTuple):
    """The quantities that can be measured at a record."""

    round: int
    x: Any  # the answer so far, in the shape of x0; for prices the decisions, (K, d)
    agents: list[Any]  # every agent's own


class Progress(NamedTuple):
    """The progress of a run between two blocks: what a progress bar shows."""

    round: int  # so many are done
    rounds: int  # at most
    objective: float  # at the last record, up to one interval between two records before that round
    disagreement: float  # the same


@partial(known_keywords, hints=HINTS)
def run(
    problem: Problem,
    method: Any,
    x0: Any = None,
    *,
    network: Any = None,
    channel: Any = None,
    participation: float | int | None = None,
    aggregate: Any = None,
    runtime: Any = None,
    stop: Stop | None = None,
    seed: int = 0,
    record: int | None = None,
    checkpoint: str | Path | None = None,
    notify: Callable[[Progress], None] | None = None,
    measure: Callable[[Moment], Mapping[str, float]] | None = None,
) -> Run:
    """Solve a problem by a method, over a network, through channels, in a runtime, until it should stop.

    - `problem`: a `Problem`, or a `Coupled` one for prices. `method`: what it leaves None, as its step size, is chosen.
    - `x0`: where to start, a pytree of floating arrays whose precision is the run's; the problem's own where None.
    - `network`: the links, for peers. `channel`: what happens to what an agent sends, e.g. `clip(1.0)`.
    - `participation`: the share (a float) or number (an int) of clients a round. `aggregate`: a rule for their replies.
    - `runtime`: where it happens, `runtimes.Vectorised()` by default, or `Streamed()` where shards are `Stored`.
    - `stop`: a `Stop`. `seed`: fixes the run.
    - `record`: rounds between two records; None for as often as it stays under a tenth of the work.
    - `checkpoint`: a directory: the run is kept there between blocks, and goes on from there when it was interrupted.
    - `notify`: is given a `Progress` between blocks.
    - `measure`: numbers by name of a `Moment` (`round`, `x`, `agents`), further columns of the history: accuracy on
      rows held out, the distance to a truth. It is asked at every record, which then is a block of its own.

    Raises `MethodError`, `NetworkError`, `ProblemError`, before anything starts. Ctrl-C or SIGTERM ends the run at the
    end of a block, and what happened so far is returned; a second one interrupts at once. After SIGTERM the program's
    next run is not begun: it is `SystemExit(143)`, or the program's own handler of SIGTERM is called.

    >>> import accord
    >>> problem = accord.problems.quadratic(H=[1.0, 1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0, 6.0])
    >>> answer = accord.run(problem, accord.GradientTracking(), network=accord.networks.complete(4))
    >>> float(answer.x.round(4)), answer.converged
    (2.25, True)
    """
    check_kinds(runtime=runtime, checkpoint=checkpoint, notify=notify, measure=measure)
    request = RunRequest(
        problem=problem,
        method=method,
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
    runtime = runtime_for(problem, runtime)
    with (
        reserved(checkpoint, type(method).__name__),
        jax.enable_x64(plan.dtype == np.float64),
        closing(runtime.start(plan)) as session,
        interruptible() as asked,
    ):
        life = _RunLoop(plan, session, Checkpoint.of(checkpoint, session.plan), notify, measure)
        ending = life.run(asked)
        ended = RunEnd(session.outcome(), life.records, session.round, ending)
        if ending.status is Status.NOT_FINITE:
            ended = _back(plan, runtime, ended)
        return build_run(plan, ended, choices, runtime)


class _RunLoop:
    """One run, block by block, with its history, its checkpoint, and what the user sees of it."""

    def __init__(self, plan: Plan, session: Session, checkpoint: Checkpoint, notify: Any, measure: Any) -> None:
        self.plan, self.session, self.checkpoint = plan, session, checkpoint
        self.notify, self.measure = notify, measure
        self.cost = per_round(session.plan)
        self.records, self.before = checkpoint.resume(session)
        self.started = time.monotonic() - self.before

    def run(self, asked: StopRequest) -> Ending:
        """Advance until there is a reason to stop; returns it."""
        limit = loop.run(self, self.plan.stop, self.plan.every, asked)
        if self.going and self.records[-1]["round"] != self.round:
            self.advance(1, 0)
        if self.measured and self.round % (self.plan.every * self.plan.kept):
            last = self.records[-1] | self._measured()  # which is kept too
            self.records = Records([*self.records[:-1], last])
        return limit if limit and self.going else judged(self.plan, self.session.verdict, self.session.watch)

    @property
    def round(self) -> int:
        """The rounds done."""
        return self.session.round

    @property
    def going(self) -> bool:
        """True while the stop test has not ended it."""
        return self.session.verdict == GOING

    @property
    def spent(self) -> float:
        """Seconds since the beginning, those before an interruption among them."""
        return time.monotonic() - self.started

    @property
    def measured(self) -> bool:
        """True where the user measures."""
        return self.measure is not None

    def advance(self, records: int, every: int) -> None:
        """Record, then do `every` rounds, `records` times; a row a record, shown to the user."""
        first, before, seen = self.round, self.before, self._seen()
        found = self.session.advance(records, every)
        self.before = self.spent
        self.records += [row | seen for row in rows_of(found, first, every, self.cost, before, self.before)]
        if self.notify is not None:
            last = self.records[-1]
            self.notify(Progress(self.round, self.plan.stop.rounds, last["objective"], last["disagreement"]))

    def between_blocks(self, *, last: bool) -> None:
        """Keep a checkpoint."""
        self.checkpoint.keep(self.session, self.records, self.before, last=last)

    def _seen(self) -> dict[str, float]:
        """Return the user's measures of the state that is about to be recorded, where that record is kept."""
        if self.measure is None or self.session.round % (self.plan.every * self.plan.kept):
            return {}
        return self._measured()

    def _measured(self) -> dict[str, float]:
        x, agents = answers_of(self.plan, self.session.outcome())
        now = Moment(self.session.round, x, list(agents))  # before the rounds go on
        seen = {str(name): float(value) for name, value in self.measure(now).items()}
        if taken := seen.keys() & set(COLUMNS + PRICE_COLUMNS):
            raise MethodError(f"measure gives {min(taken)!r}, which the history has already. Give it another name.")
        return seen


def judged(plan: Plan, verdict: int, watch: StopMonitor) -> Ending:
    """Return why a monitor stopped the run. Where no agent has a gradient at x0, a convex problem is solved there."""
    ending = ending_of(watch, verdict)
    convex = hasattr(plan.problem.loss, "bounds") and not plan.problem.opaque
    if ending.status is Status.UNMOVED and convex:
        note = "converged: x0 is a minimum, for no agent has a gradient there and the losses are convex"
        return replace(ending, status=Status.CONVERGED, note=note)
    return ending


def _back(plan: Plan, runtime: Any, ended: RunEnd) -> RunEnd:
    """The run as it stood last with all numbers finite, where that can be found."""
    found = fallen_back(runtime.start, plan, ended.records, ended.rounds)
    if found is None:
        return ended
    records = Records(row for row in ended.records if row["round"] <= found.round)
    if not records or records[-1]["round"] < found.round:
        spent = ended.records[-1]["seconds"]
        records += rows_of(found.record, found.round, 1, per_round(plan), spent, spent)
    return RunEnd(found.outcome, records, found.round, replace(ended.ending, note=found.note))
