"""Every public name has a docstring and a place on a reference page, or the documentation is not built.

    python docs/check_public_names.py site/objects.inv

Public is what `__all__` lists, in `accord` and in each of its modules that has one. What the pages document is read
from the inventory that their build wrote, so that a name left out of every page cannot pass.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path


def public_names(package: str = "accord") -> Iterator[tuple[str, object]]:
    """Each public name, under the shortest path that reaches it, and what it names."""
    root = importlib.import_module(package)
    modules = [package, *(found.name for found in pkgutil.walk_packages(root.__path__, f"{package}."))]
    for path in modules:
        module = importlib.import_module(path)
        for name in getattr(module, "__all__", ()):
            yield f"{path}.{name}", getattr(module, name)


def places(path: str, value: object) -> set[str]:
    """The paths under which a page may document a name: where it is public, and where it is defined."""
    name = getattr(value, "__qualname__", path.rsplit(".", 1)[-1])
    return {path, f"{getattr(value, '__module__', '')}.{name}"}


def documented(inventory: Path) -> set[str]:
    """The names that the built pages document, from a Sphinx inventory: four lines, then compressed ones."""
    body = inventory.read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(body).decode().splitlines()}


def complaints(names: Mapping[str, object], on_pages: set[str]) -> Iterator[str]:
    """What is missing, a sentence each."""
    for path, value in names.items():
        if (inspect.ismodule(value) or callable(value)) and not inspect.getdoc(value):
            yield f"{path} has no docstring. Say in a sentence what it is."
        if not inspect.ismodule(value) and not places(path, value) & on_pages:
            yield f"{path} is on no reference page. Put `::: {path}`, or its module, on one in docs/reference."


def main(inventory: str) -> int:
    """Print what is missing; the exit status says whether anything is."""
    names = dict(public_names())
    missing = list(complaints(names, documented(Path(inventory))))
    print("\n".join(missing) or f"All {len(names)} public names are documented.")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
