"""Chapters: what a study reports besides its run, each in words, a picture and a table."""

from __future__ import annotations

import base64
import math
import tempfile
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from accord.core.formatting import count, number
from accord.core.late import late
from accord.results.reports.tables import Row, Table

if TYPE_CHECKING:
    from matplotlib.animation import Animation
    from matplotlib.figure import Figure
    from pandas import DataFrame

ABOVE = {
    "standing_alone": "accord.results.reports.html:standing_alone",
}
"""The attributes that are built from sections in other modules."""


FRAMES = 15  # a second


class Chapter(NamedTuple):
    """A part of a study's story.

    - `title`: a heading that states the finding. `text`: paragraphs, with an empty line between two.
    - `figure`: drawn with the colours of `results.reports.figures`, so that it suits the page, light or dark; or an
      animation.
    - `table`: its first column holds names, the others numbers or short texts; its index is not shown.
    """

    title: str
    text: str
    figure: Figure | Animation | None = None
    table: DataFrame | None = None


class Section(NamedTuple):
    """A chapter as it stands on the page: nothing but texts, so that it can be kept beside a run."""

    title: str
    paragraphs: tuple[str, ...]
    picture: str = ""  # the address of an image, which holds the image itself
    table: Table | None = None


def written(chapter: Chapter) -> Section:
    """A chapter as it stands on the page.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"farm": ["north", "south"], "cows": [1200, 3], "loss": [0.25, None]})
    >>> section = written(Chapter("Two farms", "One is\\nsmall.\\n\\nOne is not.", table=table))
    >>> section.paragraphs, [row.cells for row in section.table.rows]
    (('One is small.', 'One is not.'), [('north', '1,200', '0.2500'), ('south', '3', '–')])
    """
    paragraphs = tuple(" ".join(part.split()) for part in chapter.text.split("\n\n") if part.strip())
    table = None if chapter.table is None else _table(chapter.table)
    picture = "" if chapter.figure is None else picture_of(chapter.figure, chapter.title)
    return Section(chapter.title, paragraphs, picture, table)


def section(told: list) -> Section:
    """A section from the lists that JSON has for tuples. Raises `ValueError` where it is none."""
    title, paragraphs, picture, table = told
    if picture and not str(picture).startswith("data:image/"):
        raise ValueError("a picture that is no image")
    if table is not None:
        header, rows = table
        table = Table(tuple(header), tuple(Row(tuple(cells), *rest) for cells, *rest in rows))
    return Section(title, tuple(paragraphs), picture, table)


def _table(frame: DataFrame) -> Table:
    rows = frame.itertuples(index=False, name=None)
    return Table(tuple(map(str, frame.columns)), tuple(Row(tuple(map(_cell, row))) for row in rows))


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    return count(float(value)) if isinstance(value, Integral) else number(math.nan if value is None else float(value))  # pyright: ignore[reportArgumentType]


def picture_of(figure: Figure | Animation, label: str = "") -> str:
    """The address of an image which holds the image itself: SVG of a figure, GIF of an animation."""
    from matplotlib.animation import Animation

    if isinstance(figure, Animation):
        return _address("image/gif", _gif(figure))
    standing_alone = late(ABOVE, "standing_alone")
    return _address("image/svg+xml", standing_alone(figure, label).encode())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _gif(animation: Animation) -> bytes:
    from matplotlib.animation import PillowWriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "animation.gif"
        animation.save(path, writer=PillowWriter(fps=FRAMES))
        return path.read_bytes()
