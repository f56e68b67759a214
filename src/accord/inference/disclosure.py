"""The limits of disclosure of a site: thresholds that the site holds, and not the party that asks."""

from __future__ import annotations

from dataclasses import dataclass

from accord.errors import DisclosureError, ProblemError


@dataclass(frozen=True)
class Limits:
    """The thresholds of a site, after DataSHIELD's `nfilter`.

    - `cell`: the least count of a table's cell that is sent; smaller ones are withheld. Zero is sent.
    - `rows`: the least number of rows from which any sum is sent.
    - `times`: whether times of single events are sent, which a baseline common to all agents needs.
    - `share`: the most parameters that a model may have, as a share of the rows.

    No minimum, maximum, residual or leverage is sent, whatever the limits. Raises `ProblemError`.

    >>> Limits().parameters("north", rows=60, count=6)
    >>> Limits().parameters("north", rows=12, count=6)
    Traceback (most recent call last):
    accord.errors.DisclosureError: Agent 'north' refuses a model of 6 parameters: it has 12 rows, and its limit is a ...
    """

    cell: int = 5
    rows: int = 10
    share: float = 1 / 3
    times: bool = False

    def __post_init__(self) -> None:
        if self.cell < 0 or self.rows < 0 or not 0 < self.share <= 1:
            raise ProblemError(
                f"Limits(cell={self.cell}, rows={self.rows}, share={self.share:g}): give counts from 0 on, and a share "
                "above 0 and up to 1."
            )

    def sums(self, agent: str, rows: int) -> None:
        """Raise `DisclosureError` where there are too few rows for a sum."""
        if rows < self.rows:
            raise DisclosureError(
                f"Agent {agent!r} refuses sums over {rows} rows: its limit is {self.rows}. Leave the agent out, or ask "
                "it for a lower limit."
            )

    def levels(self, agent: str, rows: int, column: str, count: int) -> None:
        """Raise `DisclosureError` where a column has so many levels that they name single rows."""
        if count > max(self.share * rows, 2):
            raise DisclosureError(
                f"Agent {agent!r} refuses to tell the {count} levels of column {column!r}: it has {rows} rows, and its "
                f"limit is a share of {self.share:.2g}. Leave the column out, or merge its levels."
            )

    def tell_times(self, agent: str) -> None:
        """Raise `DisclosureError` where the times of single events are not sent."""
        if not self.times:
            raise DisclosureError(
                f"Agent {agent!r} refuses to tell the times of single events: its limits have times=False. Fit with a "
                "baseline an agent, strata=the column of agents, or ask it for times=True."
            )

    def parameters(self, agent: str, rows: int, count: int) -> None:
        """Raise `DisclosureError` where a model has too many parameters for so few rows, or the rows are too few."""
        self.sums(agent, rows)
        if count > self.share * rows:
            raise DisclosureError(
                f"Agent {agent!r} refuses a model of {count} parameters: it has {rows} rows, and its limit is a share "
                f"of {self.share:.2g}. Take fewer columns, or leave the agent out."
            )
