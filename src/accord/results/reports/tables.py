"""Tables of what happened, in words and numbers: for the terminal and for the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from accord.core.formatting import count, number
from accord.results.run import Run, data_size


class Row(NamedTuple):
    """One line: a name, then numbers. `share`, in [0, 1], is how long its bar is; `marked`: the one to look at."""

    cells: tuple[str, ...]
    share: float = 0.0
    marked: bool = False


class Table(NamedTuple):
    """A header and its rows; the first column holds names, all others numbers."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def agents(run: Run, extra: Mapping[str, Sequence[float]] | None = None) -> Table:
    """Tabulate where agents ended: the worst off first and marked; for prices, decisions and costs in their own order.

    - `extra`: more columns, a number an agent.

    >>> import accord
    >>> run = accord.run(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0], names=["near", "far"]), accord.FedSGD())
    >>> [row.cells for row in agents(run).rows]
    [('near', '1', '50 %', '4.500'), ('far', '1', '50 %', '1.500')]
    """
    facts, extra = run.facts, dict(extra or {})
    prices = facts.pattern == "prices"
    if not prices and run.prices is not None:  # what fairness towards each agent costs, by a method that caps losses
        extra["price"] = run.prices.tolist()
    order = np.arange(len(run.losses)) if prices else np.argsort(-np.nan_to_num(run.losses, nan=-np.inf), kind="stable")
    shares = np.clip(np.nan_to_num(run.losses / run.worst), 0, 1) if run.worst > 0 else np.zeros(len(run.losses))
    rows = []
    for k in map(int, order):
        middle = (_decision(run.x[k]),) if prices else (count(facts.sizes[k]), f"{100 * facts.weights[k]:.3g} %")
        cells = (facts.agents[k], *middle, number(run.losses[k]), *(number(column[k]) for column in extra.values()))
        rows.append(Row(cells, float(shares[k]), marked=not prices and facts.agents[k] == run.worst_agent))
    middle = ("decision", "cost") if prices else ("examples", "weight", "loss")
    return Table(("agent", *middle, *extra), tuple(rows))


def coefficients(run: Run) -> Table | None:
    """Tabulate the weights of the model, the heaviest first, where a table gave its columns names; None elsewhere."""
    names = getattr(run.table, "columns", ())
    if not names or np.shape(run.x) != (len(names),):
        return None
    x = np.asarray(run.x, float)
    size = np.where(np.array(names) == "intercept", 0, np.abs(x))  # it is not one column among others
    shares = size / max(size.max(), np.finfo(float).tiny)
    rows = [Row((names[i], number(float(x[i]), 3)), float(shares[i])) for i in np.argsort(-shares, kind="stable")]
    return Table(("column", "weight per standard deviation" if run.table.standardised else "weight"), tuple(rows))


def comparison(runs: Mapping[str, Run], optimum: float) -> Table:
    """Tabulate how the runs ended, the nearest to `optimum` first: F at the centralised answer."""
    rows = []
    for name, run in sorted(runs.items(), key=lambda item: abs(item[1].history["objective"].iloc[-1] - optimum)):
        last = run.history.iloc[-1]
        near = (number(last["objective"] - optimum, 2), number(last["disagreement"], 2), number(run.worst))
        spent = (count(run.rounds), data_size(last["bytes"]), count(last["gradients"]))
        rows.append(Row((name, *near, *spent, ending(run)), marked=run.converged))
    near, spent = ("above optimum", "disagreement", "worst loss"), ("rounds", "bytes", "gradients")
    return Table(("method", *near, *spent, "ended"), tuple(rows))


def ending(run: Run) -> str:
    """Return why a run stopped, in a word.

    >>> import accord
    >>> ending(accord.run(accord.problems.quadratic(H=[1.0], c=[2.0]), accord.FedSGD()))
    'converged'
    """
    return run.status.short


def history(run: Run, most: int = 40) -> Table:
    """The records, thinned evenly to at most so many; the first and the last stay."""
    frame = run.history.drop(columns=["violation"], errors="ignore")
    if run.facts.pattern == "prices":
        frame = frame.rename(columns={"disagreement": "violation"})
    kept = np.unique(np.linspace(0, len(frame) - 1, min(most, len(frame))).round().astype(int))
    write = {"round": count, "messages": count, "bytes": data_size, "gradients": count}
    rows = [
        Row(tuple(write.get(name, number)(value) for name, value in zip(frame.columns, row, strict=True)))
        for row in frame.iloc[kept].itertuples(index=False)
    ]
    return Table(tuple(name.replace("_", " ") for name in frame.columns), tuple(rows))


def shortened(table: Table, most: int) -> tuple[Table, int]:
    """The first rows of a table, and how many were left out; a marked row always stays."""
    rows = [row for i, row in enumerate(table.rows) if i < most or row.marked]
    return Table(table.header, tuple(rows)), len(table.rows) - len(rows)


def without(table: Table, *columns: str) -> Table:
    """The table less some columns, for where there is little room."""
    kept = [i for i, name in enumerate(table.header) if name not in columns]
    pick = lambda cells: tuple(cells[i] for i in kept)  # noqa: E731
    return Table(pick(table.header), tuple(row._replace(cells=pick(row.cells)) for row in table.rows))


def _decision(x: np.ndarray) -> str:
    """A short decision in full, a long one by its ends."""
    numbers = [number(value) for value in np.ravel(x)]
    return ", ".join(numbers if len(numbers) <= 4 else [*numbers[:2], "…", numbers[-1]])
