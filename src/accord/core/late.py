"""Names bound when they are used: what a class offers and another room makes, in one table a class."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def late(table: Mapping[str, str], name: str) -> Any:
    """Import what the table has under a name, "module:name", as late as it is needed.

    >>> late({"root": "math:sqrt"}, "root")(4.0)
    2.0
    """
    module, _, inner = table[name].partition(":")
    found = import_module(module)
    return getattr(found, inner) if inner else found
