"""The tables and the reference of methods, from the facts that the methods state: nothing is said twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HEAD = ("Method", "Asks an agent for", "Reaches", "Step size", "Asks of W", "Exchanges a round", "Bears", "Source")
ENTRY = """::: accord.methods.{name}
    options: {{show_root_heading: true, show_root_toc_entry: true, heading_level: 3, members: false}}"""


def methods_of(chapter: str) -> list[Callable[..., Any]]:
    """The methods and presets of one chapter: "server", "peers", "prices", or "asynchronous", where nobody waits."""
    from accord.methods import METHODS, chapter_of

    return [kind for kind in METHODS if chapter_of(type(kind())) == chapter]


def table_of(chapter: str) -> str:
    """A Markdown table of one chapter, without columns that say nothing; presets have the facts of what they set."""
    rows = [row(kind()) for kind in methods_of(chapter) if isinstance(kind, type)]
    told = [i for i in range(len(HEAD)) if any(cells[i] for cells in rows)]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(cells[i] for i in told) + " |" for cells in lines)


def row(method: Any) -> tuple[str, ...]:
    """A method's facts, in the order of the head."""
    from accord.cli.catalogue import stated

    name, facts = type(method).__name__, stated(method)
    rules = {**getattr(getattr(method, "local", None), "rules", {}), **method.rules}
    chosen = "; ".join(f"{name.replace('_', ' ')} {rule.text}" for name, rule in rules.items())
    return (
        f"[`{name}`][accord.methods.{name}]",
        facts.asks_for,
        facts.reaches,
        chosen.removeprefix("step size "),
        facts.asks_of_weights,
        facts.exchanges,
        facts.bears,
        facts.reference,
    )


def reference_of(chapter: str) -> str:
    """The docstrings of one chapter, presets among them: a method is documented by standing in METHODS."""
    return "\n\n".join(ENTRY.format(name=kind.__name__) for kind in methods_of(chapter))
