"""A text knows on which line it says what."""

from __future__ import annotations

import pytest

from accord.studies.toml_source import Path, Source

TEXT = '''# a comment = 1
title = """
kind = "not a key"
[not.a.table]
"""
[ method . "local" ]
steps = 3
a.b = 4

[[channel]]
kind = "clip"

  [[channel]]
kind = "noise"
more = { inner = 1 }
"quoted key" = [
  1,
]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("method", "local"), 6),
        (("method", "local", "steps"), 7),
        (("method", "local", "a", "b"), 8),
        (("channel", 0), 10),
        (("channel", 0, "kind"), 11),
        (("channel", 1), 13),
        (("channel", 1, "kind"), 14),
        (("channel", 1, "more", "inner"), 15),
        (("channel", 1, "quoted key"), 16),
        (("method", "local", "unknown"), 6),
        (("kind",), 1),
    ],
)
def test_lines(path: Path, line: int) -> None:
    assert Source("a.toml", TEXT).line(path) == line
