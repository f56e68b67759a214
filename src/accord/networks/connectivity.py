"""The connectivity of a graph: the agents that can reach one another."""

from __future__ import annotations

import numpy as np


def components(size: int, sources: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """The sets of agents that can all reach one another along the direction of the links, largest first."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    heard = csr_array((np.ones(len(sources)), (targets, sources)), shape=(size, size))
    count, part = connected_components(heard, directed=True, connection="strong")
    if count == 1:
        return [np.arange(size)]
    members = np.split(np.argsort(part, kind="stable"), np.cumsum(np.bincount(part))[:-1])
    return sorted(members, key=lambda agents: (-len(agents), agents[0]))


def describe(parts: list[np.ndarray], most: int = 4) -> str:
    """The components in words, cut short when there are many.

    >>> describe([np.arange(9), np.array([9])])
    '2 components: {0, 1, 2, 3, ... 9 agents}, {9}'
    """
    shown = ", ".join(_agents(agents, most) for agents in parts[:most])
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return f"{len(parts)} components: {shown}{more}"


def _agents(agents: np.ndarray, most: int) -> str:
    listed = ", ".join(str(agent) for agent in agents[:most])
    return f"{{{listed}, ... {len(agents)} agents}}" if len(agents) > most else f"{{{listed}}}"
