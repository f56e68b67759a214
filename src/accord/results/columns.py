"""The columns of a history, and its rows as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from accord.results.records import Records

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "round",
    "objective",
    "progress",
    "disagreement",
    "worst",
    "messages",
    "bytes",
    "gradients",
    "seconds",
    "residual",
)

PRICE_COLUMNS = ("violation", "dual_value", "gap")

CLOCK_COLUMNS = ("clock", "staleness", "stalest")  # simulated seconds; and how old answers were, in updates: mean, most


def table(records: Records, window: int, prices: bool) -> pd.DataFrame:
    """The records as a DataFrame, with progress: the decrease of the objective a round, averaged over the window."""
    import pandas as pd

    frame = pd.DataFrame(records.columns())
    rounds, objective = frame["round"].to_numpy(), frame["objective"].to_numpy()
    before = np.searchsorted(rounds, rounds - window, side="right") - 1
    known = (before >= 0) & (rounds >= window)
    with np.errstate(invalid="ignore"):
        decrease = (objective[before] - objective) / np.maximum(rounds - rounds[before], 1)
    frame["progress"] = np.where(known, decrease, np.nan)
    if prices:
        frame["violation"] = frame["disagreement"]
        frame["gap"] = frame["objective"] - frame["dual_value"]
    told = COLUMNS + (PRICE_COLUMNS if prices else ())
    more = [name for name in frame.columns if name not in COLUMNS + PRICE_COLUMNS]
    return frame.loc[:, [*told, *more]]


def finite_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it: None where it is not finite."""
    return float(value) if np.isfinite(value) else None
