"""Old paths of modules lead to the new ones, for one release."""

from __future__ import annotations

import importlib
import sys

import pytest

from accord.old_paths import NAMES, RENAMED


@pytest.mark.parametrize("old", NAMES)
def test_a_public_name_is_the_module_wherever_its_file_is(old: str) -> None:
    package, _, name = old.rpartition(".")
    assert importlib.import_module(old) is getattr(importlib.import_module(package), name)
    assert importlib.import_module(old) is importlib.import_module(NAMES[old])


@pytest.mark.parametrize("old", RENAMED)
def test_a_renamed_module_is_found_under_its_old_path_and_says_where_it_is(old: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is {RENAMED[old][0]}"):
        module = fresh(old)
    for new in RENAMED[old]:
        for name, value in vars(importlib.import_module(new)).items():
            if getattr(value, "__module__", None) == new:
                assert getattr(module, name) is value


def fresh(old: str) -> object:
    sys.modules.pop(old, None)
    return importlib.import_module(old)
