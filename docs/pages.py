"""What a page shows has been run: its Python blocks are executed in order, in one namespace.

The hook of the documentation puts what they print and draw beneath them; the tests run the same function.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One Python block of a page, and what came of running it."""

    end: int  # where the block ends in the page's text
    printed: str
    figures: tuple[str, ...]  # SVG


def execute(markdown: str, page: str, folder: str) -> Iterator[Block]:
    """Run the Python blocks of a page, in a folder; one that fails raises, and its traceback names page and line."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for fence in FENCE.finditer(markdown):
        line = markdown[: fence.start(1)].count("\n")
        code = compile("\n" * line + fence[1], page, "exec", dont_inherit=True)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(folder):
            exec(code, namespace)
        yield Block(fence.end(), printed.getvalue(), tuple(drawn()))


def drawn() -> Iterator[str]:
    """The figures that are open now, as SVG, which closes them."""
    import matplotlib.pyplot as plt

    for number in plt.get_fignums():
        figure = plt.figure(number)
        picture = io.StringIO()
        figure.savefig(picture, format="svg", bbox_inches="tight")
        plt.close(figure)
        yield picture.getvalue()[picture.getvalue().index("<svg") :]


def filled(markdown: str, page: str) -> str:
    """The page with what its blocks print and draw put beneath them."""
    parts, start = [], 0
    with tempfile.TemporaryDirectory() as folder:
        blocks = list(execute(markdown, page, folder))
    for block in blocks:
        parts.append(markdown[start : block.end])
        if block.printed:
            parts.append(f"\n\n```{{.text .output}}\n{block.printed.rstrip()}\n```\n")
        parts += [f'\n\n<figure class="run">{svg}</figure>\n' for svg in block.figures]
        start = block.end
    return "".join(parts) + markdown[start:]
