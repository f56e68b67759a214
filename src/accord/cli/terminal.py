"""Tables in a terminal."""

from __future__ import annotations

import rich.box
import rich.table
from rich.text import Text

from accord.results.reports.tables import Table

WORDS = ("ended", "reaches", "asks for", "asks of weights", "bears", "reference")
"""Columns of words rather than numbers."""


def shown(table: Table) -> rich.table.Table:
    """A table as rich draws it: names to the left, numbers to the right and never broken, marked rows in bold."""
    drawn = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for i, name in enumerate(table.header):
        words = name in WORDS
        cells = () if words and name != "ended" else tuple(row.cells[i] for row in table.rows)
        width = max(len(word) for word in (*name.split(), *cells))
        beside = "left" if words or i == 0 else "right"
        drawn.add_column(name, justify=beside, min_width=width, header_style="dim", no_wrap=not words)
    for row in table.rows:
        drawn.add_row(*map(Text, row.cells), style="bold" if row.marked else None)
    return drawn
