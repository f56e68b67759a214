"""Tables as a population: one agent a group of rows, asked in this process or on workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from accord.errors import DataError, MethodError, ProblemError, UnknownName
from accord.inference.design import Design, Site
from accord.inference.disclosure import Limits
from accord.inference.queries import answer
from accord.inference.sums import Reply, Sums
from accord.problems.from_table import groups_of_rows, read_table


@dataclass(frozen=True, eq=False)
class Sites:
    """Agents whose rows are in this process; `each` maps a function over them, here or on workers."""

    sites: tuple[Site, ...]
    each: Callable[..., Any] = map
    unowned: int = 0  # rows of a table that name no agent, and so have no owner

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the agents."""
        return tuple(site.name for site in self.sites)

    def ask(self, query: str, design: Design, *sent: np.ndarray) -> Sequence[Reply]:
        """Return every agent's answer, in order."""
        return list(self.each(partial(_answered, query, design, sent), self.sites))


def _answered(query: str, design: Design, sent: tuple[np.ndarray, ...], site: Site) -> Reply:
    return answer(site, query, design, *sent)


def sums_over(
    table: Any,
    by: str,
    *,
    runtime: Any = None,
    network: Any = None,
    channel: Any = None,
    limits: Limits | Mapping[str, Limits] | None = None,
) -> Sums:
    """Sums over the agents of a table, or of a population that answers by itself.

    - `table`: a DataFrame, the path of a CSV or Parquet file, a list or dict of one frame an agent, or a population.
    - `by`: the column that names a row's agent. `runtime`: None for this process, `Threads` or `Ray` for workers.
    - `network`: peers on this graph, and no server. `limits`: one for all agents, or a dict by name.
    """
    if channel is not None:
        raise MethodError(
            f"The sums of a fit have to arrive whole, and {type(channel).__name__} changes what is sent, so that no "
            "standard error would hold. Leave the channel out."
        )
    if hasattr(table, "ask"):
        if runtime is not None or limits is not None:
            raise MethodError(
                "A population answers where its rows are, by limits of its own. Leave runtime and limits out."
            )
        return Sums(table, network)
    frames, unowned = frames_of(table, by)
    sites = tuple(Site(name, frame, _limit(limits, name)) for name, frame in frames.items())
    return Sums(Sites(sites, _mapping(runtime, sites), unowned), network)


def _limit(limits: Any, name: str) -> Limits | None:
    return limits.get(name) if isinstance(limits, Mapping) else limits


def _mapping(runtime: Any, sites: tuple[Site, ...]) -> Callable[..., Any]:
    if runtime is None or type(runtime).__name__ == "Vectorised":
        return map
    if not hasattr(runtime, "mapping"):
        raise MethodError(f"{type(runtime).__name__} has no workers to ask. Give runtimes.Threads(), Ray() or None.")
    return runtime.mapping(sites)


def frames_of(table: Any, by: str) -> tuple[dict[str, pd.DataFrame], int]:
    """One frame an agent, by name, in the order in which agents appear; and how many rows name none.

    Raises `DataError`, `ProblemError` and `UnknownName`.
    """
    if isinstance(table, Mapping):
        return {str(name): _named(frame) for name, frame in table.items()}, 0
    if isinstance(table, Sequence) and not isinstance(table, str):
        named = [_one(frame, by, k) for k, frame in enumerate(table)]
        if len({name for name, _ in named}) < len(named):
            raise ProblemError(f"Two of the frames have the same {by!r}. Give one frame an agent.")
        return dict(named), 0
    frame = read_table(table)
    if by not in frame:
        raise UnknownName("column", by, frame.columns)
    owned = frame.loc[frame[by].notna()]
    owners = owned[by]
    if pd.api.types.is_float_dtype(owners) and (owners == owners.round()).all():
        owned = owned.assign(**{by: owners.astype(int)})  # numbers of agents, beside rows that have none
    names, rows = groups_of_rows(owned, by)
    return {name: owned.iloc[own] for name, own in zip(names, rows, strict=True)}, len(frame) - len(owned)


def _one(frame: Any, by: str, k: int) -> tuple[str, pd.DataFrame]:
    """The name of a frame that is one agent's, by its column or else by its place."""
    frame = _named(frame)
    if by not in frame:
        return str(k), frame
    found, _ = frames_of(frame, by)
    if len(found) > 1:
        raise ProblemError(f"Frame {k} has rows of {len(found)} agents by {by!r}. Give a frame an agent, or one table.")
    return next(iter(found.items()))


def _named(frame: Any) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"An agent's rows are a DataFrame, but {type(frame).__name__} was given.")
    return frame.set_axis([str(name) for name in frame.columns], axis=1)
