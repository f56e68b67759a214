"""Partitioners: every example once, and the differences that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.errors import DataError, ProblemError
from accord.problems import logistic, partition

HOW: dict[str, Callable[[Any, int, int], list[Any]]] = {
    "iid": partition.iid,
    "by_label": lambda data, agents, seed: partition.by_label(data, agents, len(np.unique(data[1])), seed),
    "dirichlet": lambda data, agents, seed: partition.dirichlet(data, agents, 0.3, seed),
    "by_size": lambda data, agents, seed: partition.by_size(data, agents, 1.5, seed),
}


def examples(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features that number the examples, and labels."""
    return np.arange(float(n))[:, None], np.random.default_rng(seed).integers(0, classes, n)


@given(st.sampled_from(sorted(HOW)), st.integers(1, 8), st.integers(0, 60), st.integers(1, 5), st.integers(0, 1000))
def test_every_example_is_given_once_with_its_label(how: str, agents: int, more: int, classes: int, seed: int) -> None:
    data = examples(agents + more, classes, seed)
    shards = HOW[how](data, agents, seed)
    assert len(shards) == agents
    numbers = np.concatenate([a[:, 0] for a, _ in shards]).astype(int)
    assert sorted(numbers) == list(range(agents + more))
    np.testing.assert_array_equal(np.concatenate([b for _, b in shards]), data[1][numbers])


@pytest.mark.parametrize("how", HOW)
def test_a_seed_fixes_the_division_and_another_changes_it(how: str) -> None:
    data = examples(100, 4)
    first, again, other = ([a.ravel().tolist() for a, _ in HOW[how](data, 5, seed)] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_shards_are_problems() -> None:
    shards = partition.dirichlet(examples(40, 2), 12, alpha=0.05)
    assert min(len(b) for _, b in shards) == 0  # an empty agent among them
    assert logistic(shards).weights.tolist() == [len(b) / 40 for _, b in shards]


def test_iid_parts_are_equal_up_to_one() -> None:
    assert sorted(len(part) for part in partition.iid(np.arange(11), 4)) == [2, 3, 3, 3]


@given(st.integers(1, 10), st.integers(1, 6), st.integers(1, 6))
def test_an_agent_has_the_labels_it_was_promised(agents: int, classes: int, each: int) -> None:
    data = (np.arange(60), np.arange(60) % classes)
    if each > classes or agents * each < classes:
        with pytest.raises(ProblemError, match=f"cannot share {classes} labels out"):
            partition.by_label(data, agents, each)
        return
    shards = partition.by_label(data, agents, each)
    assert [len(np.unique(b)) for _, b in shards] == [each] * agents
    for label in range(classes):
        parts = [int(np.sum(b == label)) for _, b in shards if label in b]
        assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize("alpha", [0.1, 1.0, 100.0])
def test_shares_have_the_moments_of_a_dirichlet_distribution(alpha: float) -> None:
    """E Σ_k s_k² = (α+1)/(Kα+1): 1 where one agent has all of a label, 1/K where all have the same."""
    labels = np.repeat(np.arange(400), 200)
    counts = [np.bincount(b, minlength=400) for _, b in partition.dirichlet((labels, labels), 4, alpha)]
    found = np.mean(np.sum((np.array(counts) / 200) ** 2, axis=0))
    assert found == pytest.approx((alpha + 1) / (4 * alpha + 1), rel=0.05)


def test_sizes_spread_as_much_as_asked() -> None:
    equal = [len(part) for part in partition.by_size(np.arange(1000), 10, spread=0.0)]
    assert equal == [100] * 10
    sizes = np.array([len(part) for part in partition.by_size(np.arange(100_000), 500, spread=0.8, seed=3)])
    assert sizes.min() >= 1
    assert np.log(sizes).std() == pytest.approx(0.8, rel=0.1)


@pytest.mark.parametrize("alpha", [1e-300, 1e300])
def test_an_extreme_alpha_still_gives_every_example(alpha: float) -> None:
    shards = partition.dirichlet(examples(30, 3), 5, alpha)
    assert sum(len(b) for _, b in shards) == 30


@pytest.mark.parametrize(
    ("divide", "error", "message"),
    [
        (lambda: partition.iid(np.arange(3), 0), ProblemError, "There are 0 agents"),
        (lambda: partition.iid((np.ones(3), np.ones(2)), 1), DataError, r"\[2, 3\] examples"),
        (lambda: partition.dirichlet(np.ones(3), 2, 1.0), DataError, r"pair \(features, labels\)"),
        (lambda: partition.dirichlet(examples(9, 2), 2, 0.0), ProblemError, "alpha is 0.0"),
        (lambda: partition.by_size(np.arange(5), [2, 2]), ProblemError, r"\[2, 2\] sum to 4, but there are 5"),
        (lambda: partition.by_size(np.arange(5), [6, -1]), ProblemError, "whole numbers"),
        (lambda: partition.by_size(np.arange(3), 4), DataError, "3 examples cannot give each of 4 agents one"),
        (lambda: partition.by_size(np.arange(3), 2, spread=-1), ProblemError, "spread is -1"),
    ],
)
def test_what_cannot_be_divided_is_refused(divide: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        divide()
