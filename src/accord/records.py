"""Records of a run as lines of text that only ever grow: names of columns, then a list of numbers a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Row = dict[str, float]


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


def unpack_records(content: bytes) -> tuple[list[Row], tuple[str, ...]]:
    """The records of such lines, every number to the bit; and the columns of the last.

    >>> unpack_records(pack_records([{"round": 7, "objective": 1 / 3}])[0])
    ([{'round': 7, 'objective': 0.3333333333333333}], ('round', 'objective'))
    """
    records, columns = list[Row](), ()
    lines: list[Any] = json.loads(b"[" + b",".join(content.splitlines()) + b"]")
    for line in lines:
        if isinstance(line, dict):
            columns = tuple(line["columns"])
        else:
            records.append(dict(zip(columns, line, strict=True)))
    return records, columns
