"""The usual graphs, with Metropolis weights: `ring(20)` is a network ready to mix."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from accord.core.kinds import known_keywords
from accord.errors import NetworkError
from accord.networks import weights
from accord.networks.network import Network


@known_keywords
def ring(n: int) -> Network:
    """n agents in a circle, each linked to the one before and the one after; γ falls as 1/n².

    >>> ring(16).gamma
    0.038060
    """
    agents = np.arange(count(n, "ring(n)"))
    return undirected(f"ring({n})", n, agents, np.roll(agents, -1), group=(n,))


@known_keywords
def path(n: int) -> Network:
    """n agents in a row; the slowest of all connected graphs to mix, but for constants.

    >>> path(16).gamma
    0.009701
    """
    agents = np.arange(count(n, "path(n)"))
    return undirected(f"path({n})", n, agents[:-1], agents[1:])


@known_keywords
def star(n: int) -> Network:
    """Agent 0 is linked to all others, and they to none but agent 0.

    >>> star(5).degrees
    array([4, 1, 1, 1, 1])
    """
    leaves = np.arange(1, count(n, "star(n)"))
    return undirected(f"star({n})", n, np.zeros_like(leaves), leaves)


@known_keywords
def complete(n: int) -> Network:
    """Build the complete graph: one round averages exactly, W = 11ᵀ/n, for n(n−1) messages.

    >>> complete(4).gamma
    1.0
    """
    first, second = np.triu_indices(count(n, "complete(n)"), 1)
    return undirected(f"complete({n})", n, first, second)


@known_keywords
def grid(rows: int, columns: int | None = None) -> Network:
    """A rectangle of agents, numbered row by row, each linked to those beside, above and below it; grid(n) is a square.

    >>> grid(9).links == grid(3, 3).links == 24
    True
    """
    if columns is None:
        side = math.isqrt(count(rows, "grid(n)"))
        if side * side != rows:
            raise NetworkError(f"grid(n) is a square, and {rows} is no square number. Use grid(rows, columns).")
        rows, columns = side, side
    agents = _numbered(rows, columns, "grid(rows, columns)")
    first, second = [agents[:, :-1], agents[:-1]], [agents[:, 1:], agents[1:]]
    return undirected(f"grid({rows}, {columns})", agents.size, _joined(first), _joined(second))


@known_keywords
def torus(rows: int, columns: int) -> Network:
    """A grid whose edges meet: every agent is linked to four others; γ falls as 1/n.

    >>> torus(4, 5).degrees.tolist() == [4] * 20
    True
    """
    agents = _numbered(rows, columns, "torus(rows, columns)")
    second = [np.roll(agents, -1, axis=1), np.roll(agents, -1, axis=0)]
    ends = _joined([agents, agents]), _joined(second)
    return undirected(f"torus({rows}, {columns})", agents.size, *ends, group=agents.shape)


@known_keywords
def hypercube(n: int) -> Network:
    """n = 2^d agents; two are linked where their numbers differ in one binary digit; γ falls as 1/log n.

    >>> hypercube(16).gamma
    0.25
    """
    dimensions = count(n, "hypercube(n)").bit_length() - 1
    if n != 2**dimensions:
        raise NetworkError(
            f"A hypercube has a power of two of agents, but {n} were asked for. "
            f"Use {2**dimensions} or {2 ** (dimensions + 1)}."
        )
    return _steps(f"hypercube({n})", n, lambda agents, d: agents ^ 2**d, group=(2,) * dimensions)


@known_keywords
def exponential(n: int) -> Network:
    """Agent k is linked to agents k ± 1, k ± 2, k ± 4, ... (mod n): about 2 log₂ n neighbours, and γ of about 1/log n.

    Source: Ying et al., "Exponential graph is provably efficient for decentralized deep training", NeurIPS 2021, there
    with one-way links.

    >>> exponential(16).degrees.tolist() == [7] * 16
    True
    """
    return _steps(f"exponential({n})", count(n, "exponential(n)"), lambda agents, d: (agents + 2**d) % n, group=(n,))


def undirected(name: str, n: int, first: np.ndarray, second: np.ndarray, group: tuple[int, ...] = ()) -> Network:
    """The network of n agents in which each pair (first, second) are linked, with Metropolis weights."""
    return Network(name, weights.metropolis(n, *weights.both_ways(n, first, second)), group=group)


def count(n: int, where: str, least: int = 1) -> int:
    """n as an int, or `NetworkError` where it is not a whole number, or too small."""
    try:
        number = operator.index(n)
    except TypeError:
        number = least - 1
    if number < least:
        raise NetworkError(f"{where} takes whole numbers from {least} on, but got {n!r}.")
    return number


def _steps(name: str, n: int, step: Callable[[np.ndarray, int], np.ndarray], group: tuple[int, ...]) -> Network:
    """Link each agent with step(agent, d) for every d with 2^d < n."""
    agents = np.arange(n)
    distances = range((n - 1).bit_length())
    ends = np.tile(agents, len(distances)), _joined([step(agents, d) for d in distances])
    return undirected(name, n, *ends, group=group)


def _numbered(rows: int, columns: int, where: str) -> np.ndarray:
    rows, columns = count(rows, where), count(columns, where)
    return np.arange(rows * columns).reshape(rows, columns)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([part.ravel() for part in parts]) if parts else np.zeros(0, np.int64)
