"""Records of a run as lines of text that only ever grow: names of columns, then a list of numbers a record."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np

Row = dict[str, float]


class Records(Sequence[Row]):
    """Rows of numbers that grow, kept as a column a name: eight bytes a number, where a dict would take seventy.

    A column is of whole numbers as long as all in it are. What a row lacks is NaN.

    >>> records = Records([{"round": 0, "objective": 0.5}])
    >>> records += [{"round": 10, "objective": 0.25}]
    >>> records[-1], len(records), records.columns()["round"].tolist()
    ({'round': 10, 'objective': 0.25}, 2, [0, 10])
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._columns: dict[str, array[Any]] = {}
        self._length = 0
        self += rows

    def __iadd__(self, rows: Iterable[Row]) -> Records:
        for row in rows:
            for name in [name for name in row if name not in self._columns]:
                self._columns[name] = array("d", [math.nan]) * self._length if self._length else array("q")
            for name, column in self._columns.items():
                self._append(name, column, row.get(name, math.nan))
            self._length += 1
        return self

    def _append(self, name: str, column: array[Any], value: float) -> None:
        if column.typecode == "q" and not isinstance(value, int):
            column = self._columns[name] = array("d", column)
        column.append(value)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[i] for i in range(self._length)[place]]
        return {name: column[place] for name, column in self._columns.items()}

    def columns(self) -> dict[str, np.ndarray]:
        """Return every column as an array."""
        return {name: np.array(column) for name, column in self._columns.items()}


def pack_records(records: Sequence[Row], columns: tuple[str, ...] = ()) -> tuple[bytes, tuple[str, ...]]:
    """Lines for some more records, where the lines before are of `columns`; and the columns of the last.

    >>> pack_records([{"round": 0, "objective": 0.5}, {"round": 1, "objective": float("nan")}])
    (b'{"columns": ["round", "objective"]}\\n[0, 0.5]\\n[1, NaN]\\n', ('round', 'objective'))
    """
    lines = []
    for row in records:
        if tuple(row) != columns:
            columns = tuple(row)
            lines.append(json.dumps({"columns": columns}))
        lines.append(json.dumps(list(row.values())))
    return "".join(f"{line}\n" for line in lines).encode(), columns


def unpack_records(content: bytes) -> tuple[Records, tuple[str, ...]]:
    """The records of such lines, every number to the bit; and the columns of the last.

    >>> records, columns = unpack_records(pack_records([{"round": 7, "objective": 1 / 3}])[0])
    >>> list(records), columns
    ([{'round': 7, 'objective': 0.3333333333333333}], ('round', 'objective'))
    """
    records, columns = Records(), ()
    for line in map(json.loads, content.splitlines()):
        if isinstance(line, dict):
            columns = tuple(line["columns"])
        else:
            records += [dict(zip(columns, line, strict=True))]
    return records, columns
