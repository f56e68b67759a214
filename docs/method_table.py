"""The tables and the reference of methods, from the facts that the methods state: nothing is said twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HEAD = ("Method", "Asks an agent for", "Reaches", "Step size", "Source", "Asks of W")  # the last of peers alone
ENTRY = """::: accord.methods.{name}
    options: {{show_root_heading: true, show_root_toc_entry: true, heading_level: 3, members: false}}"""


def methods_of(chapter: str) -> list[Callable[..., Any]]:
    """The methods and presets of one chapter: "server", "peers", "prices", or "asynchronous", where nobody waits."""
    from accord.methods import METHODS, chapter_of

    return [kind for kind in METHODS if chapter_of(type(kind())) == chapter]


def table_of(chapter: str) -> str:
    """A Markdown table of one chapter; presets have the facts of the method that they set."""
    width = len(HEAD) if chapter == "peers" else len(HEAD) - 1
    rows = [HEAD, ("---",) * width, *(row(kind()) for kind in methods_of(chapter) if isinstance(kind, type))]
    return "\n".join("| " + " | ".join(cells[:width]) + " |" for cells in rows)


def row(method: Any) -> tuple[str, ...]:
    """A method's facts, in the order of the head."""
    name = type(method).__name__
    reaches = "the optimum" if method.exact is True else method.exact
    rules = {**getattr(getattr(method, "local", None), "rules", {}), **method.rules}
    chosen = "; ".join(f"{name.replace('_', ' ')} {rule.text}" for name, rule in rules.items())
    return (
        f"[`{name}`][accord.methods.{name}]", ", ".join(method.needs).replace("_", " "), reaches,
        chosen.removeprefix("step size "), method.reference, asked(method.weights),
    )  # fmt: skip


def asked(weights: Any) -> str:
    """What a method asks of the mixing matrix, field by field of its message where they differ."""
    if hasattr(weights, "_asdict"):
        return ", ".join(f"{what} for {name}" for name, what in weights._asdict().items())
    return weights or ""


def reference_of(chapter: str) -> str:
    """The docstrings of one chapter, presets among them: a method is documented by standing in METHODS."""
    return "\n\n".join(ENTRY.format(name=kind.__name__) for kind in methods_of(chapter))
