"""What a page shows has been run: its Python blocks are executed in order, in one namespace.

The hook of the documentation puts what they print, and the figure that they end on, beneath them; tests run them too.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from accord.results.reports.sections import picture_of

FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One Python block of a page, and what came of running it."""

    end: int  # where the block ends in the page's text
    printed: str
    figure: str  # SVG, an image, or nothing


def execute(markdown: str, page: str, folder: str) -> Iterator[Block]:
    """Run the Python blocks of a page, in a folder; one that fails raises, and its traceback names page and line."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for fence in FENCE.finditer(markdown):
        code = "\n" * markdown[: fence.start(1)].count("\n") + fence[1]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(folder):
            value = evaluated(ast.parse(code, page), page, namespace)
        yield Block(fence.end(), printed.getvalue(), drawn(value))


def evaluated(block: ast.Module, page: str, namespace: dict[str, Any]) -> Any:
    """Run a block, and return the value of the expression that it ends on, if it ends on one."""
    *before, last = block.body
    if not isinstance(last, ast.Expr):
        return exec(compile(block, page, "exec", dont_inherit=True), namespace)
    exec(compile(ast.Module(before, []), page, "exec", dont_inherit=True), namespace)
    return eval(compile(ast.Expression(last.value), page, "eval", dont_inherit=True), namespace)


def drawn(value: Any) -> str:
    """A figure as SVG, an animation as an image that moves; of anything else nothing."""
    if hasattr(value, "to_jshtml"):
        return f'<img alt="An animation" src="{picture_of(value)}">'
    if not hasattr(value, "savefig"):
        return ""
    picture = io.StringIO()
    value.savefig(picture, format="svg", bbox_inches="tight")
    return picture.getvalue()[picture.getvalue().index("<svg") :]


def filled(markdown: str, page: str) -> str:
    """The page with what its blocks print and draw put beneath them."""
    parts, start = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for block in execute(markdown, page, folder):
            parts.append(markdown[start : block.end])
            if block.printed:
                parts.append(f"\n\n```{{.text .output}}\n{block.printed.rstrip()}\n```\n")
            if block.figure:
                parts.append(f'\n\n<figure class="run">{block.figure}</figure>\n')
            start = block.end
    return "".join(parts) + markdown[start:]
