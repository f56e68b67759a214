"""The methods as `accord methods` lists them: from the facts that they state about themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from accord.methods import BY_NAME, chapter_of
from accord.reports.speech import heading
from accord.reports.tables import Row, Table, without
from accord.reports.terminal import shown


def catalogue() -> Iterator[Any]:
    """A table a chapter, from the facts that methods state."""
    made = {name: kind() for name, kind in BY_NAME.items()}
    for chapter in ("server", "peers", "prices", "asynchronous"):
        rows = [Row((name, *_facts(method))) for name, method in made.items() if chapter_of(method) == chapter]
        table = Table(("method", "asks for", "asks of W", "reaches", "reference"), tuple(rows))
        yield heading(chapter.capitalize())
        yield shown(table if chapter == "peers" else without(table, "asks of W"))


def _facts(method: Any) -> tuple[str, str, str, str]:
    """Which oracles it asks for, what of W, what it reaches, who published it."""
    asked = method.weights or ""
    if isinstance(asked, tuple):  # one rule a field of its messages
        asked = ", ".join(f"{rule} for {name}" for name, rule in asked._asdict().items())  # pyright: ignore[reportAttributeAccessIssue]
    optimum = "the optimum" if method.minimises == "F" else f"the optimum of {method.minimises}"
    reached = optimum if method.exact is True else method.exact
    return ", ".join(method.needs).replace("_", " "), asked, reached, method.reference


def entry(kind: Any) -> Iterator[Any]:
    """One method: its docstring, and how it chooses what it is not given."""
    method = kind()
    rules = method.rules | getattr(getattr(method, "local", None), "rules", {})
    arguments = inspect.signature(kind).replace(return_annotation=inspect.Signature.empty)
    yield heading(f"{kind.__name__}{arguments}".replace("'", ""))
    yield inspect.getdoc(kind) or ""
    for name, rule in rules.items():
        yield f"\nThe {name.replace('_', ' ')}, if not given, is {rule.text}."
