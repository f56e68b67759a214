"""The loss of each agent or group of rows at the answer, its accuracy, its AUC, and what it could reach alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from accord.core.formatting import count, number
from accord.core.late import late
from accord.errors import ProblemError
from accord.fairness.groups import grouped
from accord.fairness.predictions import RowPredictions, own_losses, predict_rows

if TYPE_CHECKING:
    from accord.results.run import Run

ABOVE = {
    "fares_figure": "accord.fairness.figures:fares_figure",
}
"""The attribute that is drawn in another module."""


MADE_FROM = "Of the rows that it was made from, which flatter it,"
MANY, JUDGED = 20, 10_000  # agents from which tenths are reported, and up to which each is judged row by row


@dataclass(frozen=True, eq=False)
class Fares:
    """The losses of agents, or of groups of rows, at the answer of a run: sentences when printed.

    - `by`: "agent", or the column that groups the rows.
    - `table`: a DataFrame, one row an agent or group: `examples`, `loss`; of a classifier the share that it gets right,
      `accuracy`, and of one that separates two classes the `AUC`; where it was asked for, the loss `alone`, at the
      agent's own optimum, and what it `gives_up`.
    """

    by: str
    table: pd.DataFrame
    loaded: bool = False  # without its rows, of a run that was saved

    @property
    def losses(self) -> np.ndarray:
        """The losses of those that have any rows."""
        return self._column("loss")[1]

    @property
    def worst(self) -> str:
        """The name with the largest loss."""
        names, losses = self._column("loss")
        return names[int(losses.argmax())]

    @property
    def best(self) -> str:
        """The name with the smallest loss."""
        names, losses = self._column("loss")
        return names[int(losses.argmin())]

    @property
    def spread(self) -> float:
        """The standard deviation of the losses, each counted once."""
        return float(self.losses.std())

    @property
    def deciles(self) -> np.ndarray:
        """The losses that 0, 10, ..., 100 % of the agents do not exceed: (11,)."""
        return np.quantile(self.losses, np.linspace(0, 1, 11))

    @property
    def bottom_tenth(self) -> float:
        """The mean loss of the tenth that is worst off, of at least one."""
        losses = np.sort(self.losses)
        return float(losses[-max(1, len(losses) // 10) :].mean())

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), self.table.to_string(float_format=lambda v: number(v))])

    def sentences(self) -> Iterator[str]:
        """Yield which is worst and best off, by how much, and how the rest lies between."""
        losses = self.losses
        if len(losses) < 2:
            return
        yield (
            f"The losses of {len(losses)} {self._one}s lie between {number(float(losses.min()))} "
            f"({self._name(self.best)}) and {number(float(losses.max()))} ({self._name(self.worst)}); their mean is "
            f"{number(float(losses.mean()))}, their standard deviation {number(self.spread, 2)}."
        )
        yield from self.brief()
        if "gives_up" in self.table and len(given := self._column("gives_up")[1]):
            k = self._column("gives_up")[0][int(given.argmax())]
            yield (
                f"Against what it could reach alone on its own rows, {self._name(k)} gives up most: "
                f"{number(float(given.max()))}."
            )

    def brief(self) -> Iterator[str]:
        """Yield how many lie between, and how often the model is right: what a run adds to its worst-off agent."""
        if len(self.losses) >= MANY:
            low, high = self.deciles[[1, 9]]
            yield (
                f"Eight in ten {self._one}s lose {number(low, 3)} to {number(high, 3)}; the tenth that is worst off "
                f"loses {number(self.bottom_tenth, 3)} on average."
            )
        if self.loaded:
            yield "Accuracy and AUC need the agents' rows, which are not saved with a run."
        for column, words in (
            (
                "accuracy",
                f"{MADE_FROM} the model is right on {{}} of those of {{}}",
            ),
            ("AUC", "Of a case and another among them it ranks the case higher in {} of the pairs of {}"),
        ):
            names, values = self._column(column) if column in self.table else ([], np.empty(0))
            if len(values) > 1:
                low, high = int(values.argmin()), int(values.argmax())
                yield (
                    f"{words.format(_percent(values[low]), self._name(names[low]))}, and {_percent(values[high])} "
                    f"of those of {self._name(names[high])}."
                )

    @property
    def _one(self) -> str:
        return "agent" if self.by == "agent" else "group"

    def _column(self, name: str) -> tuple[list[str], np.ndarray]:
        """Return the names for which such a number is known, and the numbers."""
        values = self.table[name].to_numpy(float)
        known = np.isfinite(values)
        return [str(who) for who in self.table.index[known]], values[known]

    def _name(self, name: str) -> str:
        return f"agent {name}" if name.isdigit() else name

    def plot(self, path: Any = None) -> Any:
        """Draw the losses: one bar an agent or group where they are few, their distribution where they are many."""
        fares_figure = late(ABOVE, "fares_figure")
        figure = fares_figure(self)
        if path is not None:
            figure.savefig(path)
        return figure


def fares(run: Run, by: str | None = None, alone: bool | np.ndarray = False) -> Fares:
    """Measure how each agent fares at the answer of a run, or each group of rows of a table.

    - `by`: a column of the table that the problem was made from; None for agents. A column of numbers is cut at its
      mean and one standard deviation below and above it.
    - `alone`: also find what each agent could reach alone, by a search on its own rows; or these losses, (K,).

    Agents send counts and sums, and no row. A group's AUC is that of the pairs within agents. A run that was loaded has
    its losses only, and states that. Raises `ProblemError` where there is no table to group by, and `UnknownName`.

    >>> import accord
    >>> run = accord.run(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0], names=["near", "far"]), accord.FedSGD())
    >>> fares(run).table["loss"].round(3).to_dict(), fares(run).worst
    ({'near': 4.5, 'far': 1.5}, 'near')
    """
    if run.facts.pattern == "prices":
        raise ProblemError("Here every agent has a decision and a cost of its own: see run.losses and run.prices.")
    if by is None or (run.table is not None and by == run.table.by):
        loaded = run.problem is None and bool(getattr(run.table, "classes", ()))
        return Fares("agent", _by_agent(run, alone), loaded)
    groups, names = groups_of(run.problem, by)
    return Fares(by, _by_group(run, predict_rows(run.problem, run.x), groups, names))


def groups_of(problem: Any, by: str) -> tuple[np.ndarray, list[str]]:
    """The group of every row, agent after agent, and what groups are called. Raises where there is no such column."""
    if problem is None or problem.table is None or not problem.table.rows:
        raise ProblemError(
            f"There is no table whose column {by!r} could group rows. "
            "Make the problem by Problem.from_table; a run that was loaded has no rows."
        )
    return grouped(problem.table, by)


def _by_agent(run: Run, alone: bool | np.ndarray) -> pd.DataFrame:
    columns: dict[str, Any] = {"examples": run.facts.sizes, "loss": run.losses}
    problem = run.problem
    if problem is not None and (problem.stored or len(run.losses) < problem.K):  # of a crowd, a panel is reported
        problem = None
    if problem is not None and problem.K <= JUDGED and hasattr(problem.loss, "scores"):
        columns |= RowPredictions.by_agent(problem, run.x)
    if alone is not False and problem is not None:
        own = own_losses(problem) if alone is True else alone
        columns |= {"alone": own, "gives_up": run.losses - own}
    return pd.DataFrame(columns, index=pd.Index(run.facts.agents, name="agent"))


def _by_group(run: Run, rows: RowPredictions, groups: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Tabulate groups, for each of which an agent sends how many rows it has, and their sums."""
    told = np.array([rows.told(k, groups, g) for k in range(run.problem.K) for g in range(len(names))])
    n, loss, right, above, pairs = told.reshape(run.problem.K, len(names), 5).sum(0).T
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = {"examples": n.astype(int), "loss": loss / n}
        if rows.right is not None:
            columns["accuracy"] = right / n
        if rows.binary:
            columns["AUC"] = above / pairs
    return pd.DataFrame(columns, index=pd.Index(names, name="group"))


def _percent(share: float) -> str:
    return f"{count(round(100 * float(share), 1)) if share < 0.9995 else '100'} %"
