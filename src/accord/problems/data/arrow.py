"""Arrow and Parquet files: tables read at once, and shards of many agents read where they lie in one mapped file."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.errors import DataError, MissingExtra, ProblemError, UnknownName
from accord.problems.data.stored import Stored

if TYPE_CHECKING:
    import pandas as pd


def from_arrow(
    path: str | Path,
    by: str,
    target: str,
    *,
    features: Sequence[str] | None = None,
    panel: int = 1000,
    unpacked: str | Path | None = None,
) -> Stored:
    """The shards of an Arrow or Parquet file of rows, one agent a value of a column, never all in memory.

    - `path`: an Arrow file (`.arrow`, `.feather`, not compressed), which is mapped into memory and read where its rows
      lie; or a Parquet file, which is compressed, and so first unpacked, a row group at a time, into an Arrow file.
    - `by`: the column that names a row's agent; the rows of an agent lie together. `target`: the column to predict.
    - `features`: the columns to predict from, all others if not given; columns of numbers, or one of lists of one
      length. Integers are taken as float32, as are lists of them.
    - `panel`: as of `Stored`. `unpacked`: where a Parquet file is unpacked to; a temporary file when not given.

    The whole file is read once, to see that it is sound. It must stay as it is while it is in use: that it has become
    shorter is noticed, at the next rows that are read, but not between two looks, where the system ends the program.

    Agents are called by their values, in the order in which the file has them. Raises `DataError` where an agent's
    rows lie apart, a value is missing, a column holds no numbers, or the file is damaged; `UnknownName`; and
    `MissingExtra`.

    >>> import pyarrow as pa, tempfile
    >>> table = pa.table({"farm": ["A", "A", "B"], "rain": [1.0, 3.0, 5.0], "crop": [2.0, 3.0, 6.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with pa.OSFile(f"{folder}/farms.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
    ...         writer.write_table(table)
    ...     farms = from_arrow(f"{folder}/farms.arrow", by="farm", target="crop")
    ...     features, targets = farms[0]
    >>> farms.sizes.tolist(), features.tolist(), targets.tolist()
    ([2, 1], [[1.0], [3.0]], [2.0, 3.0])
    """
    path = Path(path)
    if not path.is_file():
        raise ProblemError(f"There is no file {str(path)!r}. Give the path of an Arrow or a Parquet file.")
    packed = path.suffix in (".parquet", ".pq")
    folder = tempfile.mkdtemp(prefix="accord-") if packed and unpacked is None else None
    plain = _unpacked(path, Path(unpacked or f"{folder}/{path.stem}.arrow")) if packed else path
    size, table = plain.stat().st_size, _mapped(plain)
    for name in (by, target, *(features or ())):
        if name not in table.column_names:
            raise UnknownName("column", name, table.column_names)
    chosen = [name for name in features or table.column_names if name not in (by, target)]
    firsts, sizes, names = _agents(table[by], by)
    *columns, answers = (_Column(table[name], name) for name in (*chosen, target))

    def fetch(ks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _check_length(plain, size)
        places = _places(firsts[ks], sizes[ks])
        return _beside(columns, places), answers.at(places)

    if folder is not None:
        weakref.finalize(fetch, shutil.rmtree, folder, ignore_errors=True)
    return Stored(fetch, sizes, panel, names)


def read_parquet(path: Path) -> pd.DataFrame:
    """A Parquet file as a DataFrame."""
    return _pyarrow("Reading a Parquet file").parquet.read_table(path).to_pandas()


class _Column:
    """A column of numbers, or of lists of one length, in pieces that are views of a mapped file."""

    def __init__(self, column: Any, name: str) -> None:
        if column.null_count:
            raise DataError(f"Column {name!r} has {column.null_count} missing values. Fill them, or leave it out.")
        pieces = [_numbers(chunk, name) for chunk in column.chunks if len(chunk)]
        self.pieces = pieces
        self.starts = np.cumsum([0, *(len(piece) for piece in pieces)])

    def at(self, places: np.ndarray) -> np.ndarray:
        """The values at these places; only what is asked for is read."""
        if len(self.pieces) == 1:
            return self.pieces[0][places]
        found = np.empty((len(places), *self.pieces[0].shape[1:]), self.pieces[0].dtype)
        which = np.searchsorted(self.starts, places, side="right") - 1
        for i in np.unique(which):
            here = which == i
            found[here] = self.pieces[i][places[here] - self.starts[i]]
        return found


def _places(firsts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the places of the rows of several agents that begin at `firsts` and have `sizes`, in order."""
    before = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(firsts, sizes) + np.arange(sizes.sum()) - before


def _beside(columns: Sequence[_Column], places: np.ndarray) -> np.ndarray:
    """Return columns at these places as one matrix of floating point numbers, a row a place."""
    parts = [column.at(places) for column in columns]
    parts = [part if part.ndim == 2 else part[:, None] for part in parts]
    parts = [part if part.dtype.kind == "f" else part.astype(np.float32) for part in parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, 1)


def _numbers(chunk: Any, name: str) -> np.ndarray:
    pa = _pyarrow("Reading an Arrow file")
    width = getattr(chunk.type, "list_size", None)
    flat = chunk if width is None else chunk.flatten()
    if not (pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type)):
        raise DataError(
            f"Column {name!r} holds {chunk.type}, and only numbers can be learnt from. Encode it first, or "
            "leave it out."
        )
    values = flat.to_numpy(zero_copy_only=True)
    return values if width is None else values.reshape(-1, width)


def _agents(column: Any, by: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the first row of every agent, its number of rows, and its name."""
    pa = _pyarrow("Reading an Arrow file")
    if column.null_count:
        raise DataError(f"Column {by!r} names no agent in {column.null_count} rows. Say whose they are.")
    if not len(column):
        raise DataError("The file has no rows. Give at least one row an agent.")
    ends, start = [], 0
    known: list[Any] = []
    for chunk in column.chunks:
        runs = pa.compute.run_end_encode(chunk)
        names, stops = runs.values.to_pylist(), runs.run_ends.to_numpy() + start
        if known and names and names[0] == known[-1]:  # an agent whose rows are in two batches
            names, ends = names[1:], ends[:-1]
        known += names
        ends += stops.tolist()
        start += len(chunk)
    if len(set(known)) < len(known):
        seen: set[Any] = set()
        twice = next(name for name in known if name in seen or seen.add(name))
        raise DataError(f"The rows of agent {twice!r} lie apart. Sort the file by {by!r}.")
    ends = np.array(ends)
    firsts = np.concatenate([[0], ends[:-1]])
    return firsts, ends - firsts, tuple(map(str, known))


def _mapped(path: Path) -> Any:
    pa = _pyarrow("Reading an Arrow file")
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        table.validate(full=True)  # else its own metadata are believed, and places beyond its end are read
        return table
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(
            f"{path.name} cannot be read as an Arrow file: {error}. Write it with pyarrow.ipc.new_file, or "
            "give a Parquet file."
        ) from error


def _check_length(path: Path, size: int) -> None:
    """Raise `DataError` where a mapped file has become shorter, of which to read the rest would end the program."""
    now = path.stat().st_size if path.exists() else 0
    if now < size:
        raise DataError(
            f"{path.name} had {size} bytes when it was opened, and now it has {now}. Leave a file alone "
            "while it is in use, and begin again with a whole one."
        )


def _unpacked(path: Path, target: Path) -> Path:
    """The same rows in an Arrow file, written a row group at a time."""
    pa = _pyarrow("Reading a Parquet file")
    try:
        source = pa.parquet.ParquetFile(path)
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, source.schema_arrow) as writer:
            for batch in source.iter_batches(1 << 16):
                writer.write_batch(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path.name} cannot be unpacked to {target}: {error}. Give a Parquet file and room for it, "
            "unpacked=... on a larger disk."
        ) from error
    return target


def _pyarrow(purpose: str) -> Any:
    """The library with all that is used of it here."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", purpose) from None
    return pyarrow
