"""The methods as `accord methods` lists them: from the facts that they state about themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

from accord.cli.console import heading
from accord.cli.terminal import shown
from accord.methods import BY_NAME, chapter_of
from accord.methods.traits import phases_of
from accord.results.reports.tables import Row, Table, without


class Stated(NamedTuple):
    """The facts that a method states about itself, in words; empty where there is nothing to state."""

    asks_for: str
    asks_of_weights: str  # W
    exchanges: str  # with the neighbours, a round
    reaches: str
    bears: str
    reference: str


def stated(method: Any) -> Stated:
    """The facts of a method.

    >>> import accord
    >>> stated(accord.GradientTracking())[:5]
    ('grad', 'doubly stochastic', '1', 'the optimum', 'lose, sleep, vary')
    """
    asked = method.weights or ""
    if isinstance(asked, tuple):  # one rule a field of its messages
        asked = ", ".join(f"{rule} for {name}" for name, rule in asked._asdict().items())  # pyright: ignore[reportAttributeAccessIssue]
    optimum = "the optimum" if method.minimises == "F" else f"the optimum of {method.minimises}"
    exchanges = "" if hasattr(method, "broadcast") else "J" if "J" in method.rules else str(len(phases_of(method)))
    reaches = optimum if method.exact is True else method.exact
    needs = ", ".join(method.needs).replace("_", " ")
    return Stated(needs, asked, exchanges, reaches, ", ".join(method.bears), method.reference)


def catalogue() -> Iterator[Any]:
    """A table a chapter, from the facts that methods state."""
    made = {name: kind() for name, kind in BY_NAME.items()}
    head = ("method", *(field.replace("_", " ") for field in Stated._fields))
    for chapter in ("server", "peers", "prices", "asynchronous"):
        rows = [Row((name, *stated(method))) for name, method in made.items() if chapter_of(method) == chapter]
        silent = [name for i, name in enumerate(head) if not any(row.cells[i] for row in rows)]
        yield heading(chapter.capitalize())
        yield shown(without(Table(head, tuple(rows)), *silent))


def entry(kind: Any) -> Iterator[Any]:
    """Yield the entry of one method: its docstring, and how it chooses what it is not given."""
    method = kind()
    rules = method.rules | getattr(getattr(method, "local", None), "rules", {})
    arguments = inspect.signature(kind).replace(return_annotation=inspect.Signature.empty)
    yield heading(f"{kind.__name__}{arguments}".replace("'", ""))
    yield inspect.getdoc(kind) or ""
    facts = stated(method)
    yield f"\nIt reaches {facts.reaches}."
    if facts.bears:
        yield f"Of what may go wrong on a network it bears: {facts.bears}."
    for name, rule in rules.items():
        yield f"\nThe {name.replace('_', ' ')}, if not given, is {rule.text}."
