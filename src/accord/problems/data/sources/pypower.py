"""IEEE's test cases as PYPOWER ships them: the one file that imports it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from accord.errors import MissingExtra, UnknownName


def case_of(name: str) -> dict[str, Any]:
    """The tables of a case: bus, branch, gen, gencost, and the base of its per-unit numbers.

    Raises `UnknownName` where PYPOWER has no such case with costs, and `MissingExtra` where there is no PYPOWER.
    """
    try:
        import pypower
    except ImportError as error:
        raise MissingExtra("PYPOWER", "grid", "Reading an IEEE case") from error
    known = [module.name for module in pkgutil.iter_modules(pypower.__path__) if module.name.startswith("case")]
    tables = getattr(import_module(f"pypower.{name}"), name)() if name in known else {}
    if "gencost" not in tables:
        raise UnknownName("case with costs", name, [case for case in known if case != name], " in PYPOWER")
    return tables
