"""The design that all agents agree on before they encode their own rows, and the rows once encoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Level = str | float


@dataclass(frozen=True)
class Design:
    """A question to every agent in plain values: formula, roles of columns, and what the agents agreed on.

    - `formula`: as of `formulaic`; "~ x" where there is no response. `by`: the column that names the agent.
    - `roles`: ("offset", column) and the like: columns that are handed over as they are.
    - `levels`: of each categorical column, over all agents; the first is the reference.
    - `event`: the level of a response of two words that counts as one.
    - `grid`: percentiles of columns within splines, over all agents, from which knots follow.
    - `fixed`: agents that have an intercept each, instead of a common one.
    - `model`: words that name what is fitted, such as a family and its link.
    """

    formula: str
    by: str
    roles: tuple[tuple[str, str], ...] = ()
    levels: tuple[tuple[str, tuple[Level, ...]], ...] = ()
    event: str | None = None
    grid: tuple[tuple[str, tuple[float, ...]], ...] = ()
    fixed: tuple[str, ...] = ()
    model: tuple[str, ...] = ()

    @property
    def response(self) -> str:
        """The left side of the formula; empty where there is none."""
        return self.formula.partition("~")[0].strip().strip("`")

    @property
    def terms(self) -> str:
        """The right side of the formula."""
        return self.formula.partition("~")[2].strip()

    @property
    def size(self) -> int:
        """Bytes of the question as text: what is sent of it once."""
        return len(repr(self).encode())


class Rows(NamedTuple):
    """The complete rows of one agent, encoded."""

    names: tuple[str, ...]  # of the columns of X
    X: np.ndarray  # (n, p)
    y: np.ndarray  # (n,), of zeros where there is no response
    roles: dict[str, np.ndarray]  # (n,) each
    dropped: int  # rows in which a value is missing


@dataclass(frozen=True, eq=False)
class Site:
    """One agent: its rows as a frame, and its own limits. No other party reads the frame.

    `encoded` keeps the rows of each design that was asked about.
    """

    name: str
    frame: Any
    limits: Any = None
    encoded: dict[Design, Rows] = field(default_factory=dict, repr=False)
