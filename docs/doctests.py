"""Doctests in docstrings become code blocks on the reference pages, without fences in the source."""

from __future__ import annotations

import re
from typing import Any

import griffe

# A first line at a prompt, and all that follows until a blank line: what doctest itself takes for one example or more.
EXAMPLE = re.compile(r"^([ ]*)>>> .*(?:\n(?![ ]*$).+)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Fence the doctests of every docstring as a session at the Python prompt."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called once for each object that has been read."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"\1```pycon\n\g<0>\n\1```", obj.docstring.value)
