"""Tables of real data that ship with the package; beside each lies a note on where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from accord.errors import UnknownName

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
DATASETS: tuple[str, ...] = tuple(sorted(path.stem for path in HERE.glob("*.csv")))
"""The names of the tables that ship with the package."""


def dataset(name: str) -> pd.DataFrame:
    """Read a table that ships with the package: "hospitals", "lung" or "heart". Raises `UnknownName`.

    >>> frame = dataset("hospitals")
    >>> len(frame), frame["hospital"].nunique(), int(frame["pancreatitis"].sum())
    (602, 4, 79)
    """
    import pandas as pd

    if name not in DATASETS:
        raise UnknownName("dataset", name, DATASETS)
    return pd.read_csv(HERE / f"{name}.csv")
