"""The check of public names can fail, and says what to do."""

from __future__ import annotations

import zlib
from pathlib import Path

from docs import check_public_names as check


def documented() -> None:
    """Say something."""


def undocumented() -> None: ...


def test_a_name_without_a_docstring_or_a_page_is_named() -> None:
    names = {"accord.documented": documented, "accord.undocumented": undocumented}
    said = list(check.complaints(names, {"accord.undocumented"}))
    assert [sentence.split(" has ")[0].split(" is ")[0] for sentence in said] == [
        "accord.documented",
        "accord.undocumented",
    ]
    assert "reference page" in said[0]
    assert "docstring" in said[1]


def test_a_page_may_document_a_name_where_it_is_defined() -> None:
    here = f"{documented.__module__}.documented"
    assert list(check.complaints({"accord.documented": documented}, {here})) == []


def test_what_the_pages_document_is_read_from_their_inventory(tmp_path: Path) -> None:
    lines = zlib.compress(
        b"accord.run py:function 1 reference/run.html#$ -\naccord.Run py:class 1 reference/run.html#$ -\n"
    )
    (tmp_path / "objects.inv").write_bytes(b"# Sphinx\n# Project\n# Version\n# compressed\n" + lines)
    assert check.documented(tmp_path / "objects.inv") == {"accord.run", "accord.Run"}


def test_public_names_are_those_that_all_lists() -> None:
    names = dict(check.public_names())
    assert "accord.networks.ring" in names
    assert "accord.networks.graphs" not in names
