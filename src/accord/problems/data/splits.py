"""One data set divided among agents, as researchers do to have different ones: every example is given exactly once.

`data` is a pytree of arrays with a leading example axis, (features, labels) by convention; what comes back is a list of
shards of the same structure, for `accord.Problem` or the ready-made problems. An empty shard weighs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from accord.errors import DataError, ProblemError


def iid(data: Any, agents: int, seed: int = 0) -> list[Any]:
    """Equal parts of the shuffled examples: the agents are alike.

    >>> [shard.tolist() for shard in iid(np.arange(5), agents=2)]
    [[2, 4, 3], [0, 1]]
    """
    n = _count(data, agents)
    return _shards(data, np.array_split(np.random.default_rng(seed).permutation(n), agents))


def by_label(data: Any, agents: int, labels_per_agent: int, seed: int = 0) -> list[Any]:
    """Give each agent examples of `labels_per_agent` labels only; agents that share one divide its examples equally.

    Raises `ProblemError` where the agents would not have a place for every label.

    Source: McMahan et al. 2017, Communication-efficient learning of deep networks from decentralized data.

    >>> shards = by_label((np.arange(6), np.array([0, 1, 2, 0, 1, 2])), agents=3, labels_per_agent=1)
    >>> [labels.tolist() for _, labels in shards]
    [[2, 2], [0, 0], [1, 1]]
    """
    labels, random = _labels(data, agents), np.random.default_rng(seed)
    classes = random.permutation(np.unique(labels))
    if not 1 <= labels_per_agent <= len(classes) or agents * labels_per_agent < len(classes):
        raise ProblemError(
            f"{agents} agents of {labels_per_agent} labels each cannot share {len(classes)} labels out. "
            f"Give labels_per_agent from {-(-len(classes) // agents)} to {len(classes)}."
        )
    places = np.arange(agents * labels_per_agent) % len(classes)  # label by label, so that an agent's own differ
    parts: list[list[np.ndarray]] = [[] for _ in range(agents)]
    for c, label in enumerate(classes):
        holders = np.flatnonzero(places == c) // labels_per_agent
        own = random.permutation(np.flatnonzero(labels == label))
        for holder, part in zip(holders, np.array_split(own, len(holders)), strict=True):
            parts[holder].append(part)
    return _shards(data, [np.concatenate(part) for part in parts])


def dirichlet(data: Any, agents: int, alpha: float, seed: int = 0) -> list[Any]:
    """Divide each label's examples in shares drawn from Dirichlet(α, ..., α): alike for large α, apart for small.

    Source: Yurochkin et al. 2019, Bayesian nonparametric federated learning of neural networks.

    >>> shards = dirichlet((np.arange(8), np.array([0, 1] * 4)), agents=2, alpha=1e6)
    >>> [np.sort(labels).tolist() for _, labels in shards]
    [[0, 0, 1, 1], [0, 0, 1, 1]]
    """
    labels, random = _labels(data, agents), np.random.default_rng(seed)
    if not 0 < alpha < np.inf:
        raise ProblemError(
            f"alpha is {alpha}. Give a positive number: 0.1 for very different agents, 100 for alike ones."
        )
    parts: list[list[np.ndarray]] = [[] for _ in range(agents)]
    for label in np.unique(labels):
        own = random.permutation(np.flatnonzero(labels == label))
        for part, indices in zip(parts, _divided(own, random.dirichlet(np.full(agents, alpha))), strict=True):
            part.append(indices)
    return _shards(data, [np.concatenate(part) for part in parts])


def by_size(data: Any, agents: int | Sequence[int], spread: float = 1.0, seed: int = 0) -> list[Any]:
    """Shuffled examples in parts of different sizes: the agents are alike but for how much they know.

    - `agents`: how many, whose sizes are log-normal with standard deviation `spread` of the logarithm, and at least 1;
      or the sizes themselves, which sum to the number of examples.

    >>> [len(shard) for shard in by_size(np.arange(10), agents=[7, 2, 1])]
    [7, 2, 1]
    """
    K = int(agents) if isinstance(agents, (int, np.integer)) else len(agents)
    n, random = _count(data, K), np.random.default_rng(seed)
    order = random.permutation(n)
    if not isinstance(agents, (int, np.integer)):
        return _shards(data, np.split(order, np.cumsum(_checked_sizes(agents, n))[:-1]))
    if not 0 <= spread < np.inf:
        raise ProblemError(f"spread is {spread}. Give a number that is not negative; 0 is for equal sizes.")
    if n < K:
        raise DataError(f"{n} examples cannot give each of {K} agents one. Give at most {n} agents.")
    logarithms = spread * random.standard_normal(K)
    shares = np.exp(logarithms - logarithms.max())
    extra = _divided(order[K:], shares / shares.sum())
    return _shards(data, [np.append(first, more) for first, more in zip(order[:K], extra, strict=True)])


def _checked_sizes(sizes: Sequence[int], n: int) -> np.ndarray:
    given = np.asarray(sizes)
    if given.dtype.kind not in "iu" or (given < 0).any() or given.sum() != n:
        raise ProblemError(
            f"The sizes {given.tolist()} sum to {given.sum()}, but there are {n} examples. "
            "Give whole numbers that sum to that."
        )
    return given


def _divided(indices: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    """Consecutive parts in proportion to `shares`, cut where the cumulated shares come nearest."""
    ends = np.rint(np.cumsum(shares)[:-1] * len(indices)).astype(int)
    return np.split(indices, np.minimum(ends, len(indices)))


def _shards(data: Any, parts: Sequence[np.ndarray]) -> list[Any]:
    return [jax.tree.map(lambda leaf: np.asarray(leaf)[part], data) for part in parts]  # noqa: B023


def _count(data: Any, agents: int) -> int:
    if agents < 1:
        raise ProblemError(f"There are {agents} agents. Give at least 1.")
    lengths = {len(np.asarray(leaf)) for leaf in jax.tree.leaves(data)}
    if len(lengths) != 1:
        raise DataError(f"The fields have {sorted(lengths)} examples. Give one row of each an example.")
    return lengths.pop()


def _labels(data: Any, agents: int) -> np.ndarray:
    _count(data, agents)
    if not isinstance(data, (tuple, list)) or len(data) != 2 or np.ndim(data[1]) != 1:
        raise DataError(
            "Examples are divided by their labels where data is a pair (features, labels), labels of shape (n,)."
        )
    return np.asarray(data[1])
