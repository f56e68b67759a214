"""A table as people keep it: read from a file whose dialect is found, its texts stripped, its blanks missing."""

from __future__ import annotations

import csv
import inspect
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from accord.core.kinds import printable
from accord.errors import DataError, ProblemError, UnknownName
from accord.problems.data.arrow import read_parquet

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst")
COMMA = re.compile(r"[-+]?\d*,?\d+(?:[eE][-+]?\d+)?")
THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
HEAD = 1 << 16  # bytes from which a dialect is detected


class Dialect(NamedTuple):
    """The format in which a text file writes a table."""

    sep: str = ","
    encoding: str = "utf-8"

    @property
    def usual(self) -> bool:
        """True where there is nothing to report about it."""
        return self.sep == "," and self.encoding in ("utf-8", "utf-8-sig")

    def told(self, name: str) -> str:
        """Describe what was found, in words."""
        return f"{name} is read as {self.encoding}, with {SEPARATORS[self.sep]} between its fields"


def read(table: Any, how: Mapping[str, Any] | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table as a DataFrame with named columns, texts stripped and blanks missing; and what was found, to report.

    - `how`: arguments of `pandas.read_csv`, such as `{"sep": ";", "decimal": ","}`, in place of what is found.

    Raises `ProblemError` for what is no table, and `DataError`, with the line, for a file that does not hold one.
    """
    if isinstance(table, str | Path):
        frame, dialect = _file(Path(table), dict(how or {}))
    elif isinstance(table, pd.DataFrame):
        if how:
            raise ProblemError(f"read={dict(how)!r} says how a file is read, but a DataFrame was given. Leave it out.")
        frame, dialect = table, None
    else:
        raise ProblemError(
            f"A table is a DataFrame or the path of a CSV or Parquet file, but {type(table).__name__} was given."
        )
    if frame.empty:
        raise DataError("The table has no rows. Give at least one row an agent.")
    frame = frame.set_axis([printable(str(name).strip()) for name in frame.columns], axis=1)
    _no_duplicates(list(frame.columns))
    told = () if dialect is None or dialect.usual or how else (dialect.told(Path(str(table)).name),)
    return tidied(frame, dialect is not None, decimal=dialect is not None and dialect.sep in ";\t"), told


def tidied(frame: pd.DataFrame, typed: bool = False, decimal: bool = False) -> pd.DataFrame:
    """The table with its texts stripped, what is blank missing, and numbers with a decimal comma as numbers.

    - `typed`: texts that are all numbers become numbers, as in a file, which knows no types. `decimal`: "1,234" is
      1.234 there; elsewhere it may be a thousand and more, and is refused.
    """
    texts = {}
    for name in frame.columns:
        column: Any = frame[name]
        if not (column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype)):
            continue
        values = column.astype(object)
        is_text = values.map(lambda value: isinstance(value, str)).to_numpy(bool)
        if is_text.any():
            stripped = values.map(lambda value: (value.strip() or np.nan) if isinstance(value, str) else value)
            texts[name] = _numbers(stripped, typed, decimal)
    return frame.assign(**texts) if texts else frame


def _numbers(column: Any, typed: bool, decimal: bool) -> Any:
    """A column of texts, as numbers where they are such."""
    present = column.dropna()
    if not len(present) or not present.map(lambda value: isinstance(value, str)).all():
        return column
    if typed:
        plain: Any = pd.to_numeric(column, errors="coerce")
        if not plain[column.notna()].isna().any():
            return plain
    if not present.map(lambda text: COMMA.fullmatch(text) is not None).all():
        return column
    commas = present[present.str.contains(",")]
    if not len(commas):
        return column
    if not decimal and commas.map(lambda text: THOUSANDS.fullmatch(text) is not None).all():
        raise DataError(
            f"Column {column.name!r} holds {commas.iloc[0]!r}, which is a thousand and more, or a decimal "
            "fraction. Give read={'decimal': ','} or read={'thousands': ','}, or numbers."
        )
    return pd.to_numeric(column.str.replace(",", ".", regex=False))


def _no_duplicates(names: Sequence[str]) -> None:
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ProblemError(f"Column {name!r} occurs more than once. Give every column its own name.")


def _file(path: Path, how: dict[str, Any]) -> tuple[pd.DataFrame, Dialect]:
    if not path.is_file():
        raise ProblemError(f"There is no file {str(path)!r}. Give the path of a CSV or a Parquet file.")
    if path.suffix.lower() in SHEETS:
        raise DataError(
            f"{path.name} is a spreadsheet's file, which is not read here. Save the sheet as CSV, or give "
            f"the DataFrame pandas.read_excel({path.name!r})."
        )
    try:
        if path.suffix in (".parquet", ".pq"):
            return read_parquet(path), Dialect()
        return _text(path, how)
    except (DataError, ProblemError):
        raise
    except (
        ValueError,
        OSError,
        csv.Error,
    ) as error:  # what pandas and pyarrow raise for a file that is not what it seems
        raise DataError(f"{path.name} cannot be read as a table: {error}. Give a CSV or a Parquet file.") from error


def _text(path: Path, how: dict[str, Any]) -> tuple[pd.DataFrame, Dialect]:
    known = inspect.signature(pd.read_csv).parameters
    if strange := [name for name in how if name not in known]:
        raise UnknownName("argument of pandas.read_csv", strange[0], known)
    packed = path.suffix.lower() in PACKED
    found = Dialect() if packed else _dialect(path)
    asked = {"sep": found.sep, "encoding": found.encoding, "index_col": False} | how
    if not packed and set(how) <= {"sep", "decimal", "encoding", "thousands"} and len(str(asked["sep"])) == 1:
        _check_fields(path, asked["sep"], asked["encoding"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(path, **asked), found
        except pd.errors.ParserWarning as error:
            raise DataError(f"{path.name} has rows with more fields than names. Name every column.") from error


def _dialect(path: Path) -> Dialect:
    """The separator and the encoding of a file: by its mark, by what decodes, and by what cuts all its lines alike."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "")
    if not encoding:
        if b"\0" in head:
            raise DataError(f"{path.name} holds bytes that are no text. Give a CSV or a Parquet file.")
        encoding = "utf-8" if _decodes(path, "utf-8") else "cp1252" if _decodes(path, "cp1252") else "latin-1"
    lines = [line for line in head.decode(encoding, errors="ignore").splitlines()[:20] if line.strip()]
    counts = {sep: [len(row) for row in csv.reader(lines, delimiter=sep)] for sep in SEPARATORS}
    whole = {sep: fields[:-1] or fields for sep, fields in counts.items()}  # the last line may be cut
    even = [sep for sep, fields in whole.items() if fields and fields[0] > 1 and set(fields) == {fields[0]}]
    return Dialect(max(even, key=lambda sep: (counts[sep][0], sep == ","), default=","), encoding)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _check_fields(path: Path, sep: str, encoding: str) -> None:
    """Require as many fields in every line as names in the first: what is beyond them would be an index, or be lost."""
    with path.open(encoding=encoding, newline="") as file:
        rows = _counted(csv.reader(file, delimiter=sep))
        _, names = next(rows, (0, []))
        if names:
            _no_duplicates([name.strip() or f"Unnamed: {i}" for i, name in enumerate(names)])
        for line, fields in rows:
            if len(fields) != len(names) and any(field.strip() for field in fields[len(names) :] or fields):
                raise DataError(
                    f"{path.name}, line {line}: {len(fields)} fields under {len(names)} names. Give every "
                    "column a name, and every row a field a column; texts that hold the separator stand "
                    "in quotes."
                )


def _counted(rows: Any) -> Iterator[tuple[int, list[str]]]:
    for fields in rows:
        if fields:
            yield rows.line_num, fields
