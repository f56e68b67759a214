"""Ragged data: stacked with padding that is real data and never another agent's turn."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.errors import DataError
from accord.problems.data import shards

ragged = st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any)


def numbered(sizes: list[int]) -> tuple[Any, ...]:
    """Shards of (features, labels) in which every number occurs once."""
    ends = np.cumsum(sizes)
    return tuple(
        (np.arange(3 * (end - n), 3 * end, dtype=np.float32).reshape(n, 3), np.arange(end - n, end, dtype=np.int32))
        for n, end in zip(sizes, ends, strict=True)
    )


@given(ragged)
def test_a_stack_holds_every_row_where_it_was_and_pads_with_an_agents_own(sizes: list[int]) -> None:
    given_shards = numbered(sizes)
    stack = shards.stack(given_shards)
    longest = max(sizes)
    assert [leaf.shape for leaf in stack] == [(len(sizes), longest, 3), (len(sizes), longest)]
    assert [leaf.dtype for leaf in stack] == [np.float32, np.int32]
    for k, (n, shard) in enumerate(zip(sizes, given_shards, strict=True)):
        for leaf, own in zip(stack, shard, strict=True):
            np.testing.assert_array_equal(leaf[k, :n], own)
        padding = {tuple(row) for row in stack[0][k, n:]}
        owners = shard if n else given_shards[int(np.argmax(sizes))]  # who has nothing borrows from who has most
        assert padding <= {tuple(row) for row in owners[0]}


@given(ragged)
def test_sizes_are_the_numbers_of_examples(sizes: list[int]) -> None:
    assert [shards.size(shard) for shard in numbered(sizes)] == sizes


def test_checking_keeps_the_data_as_they_are() -> None:
    shard = {"pixels": np.ones((2, 4, 4), np.uint8), "class": np.array([1, 0]), "seen": np.array([True, False])}
    (kept,) = shards.checked([shard])
    assert jax.tree.structure(kept) == jax.tree.structure(shard)
    for name in shard:
        assert kept[name] is shard[name]


def test_lists_are_arrays() -> None:
    ((kept, _),) = shards.checked([(np.array([[1.0, 2.0]]), np.array([3]))])
    assert kept.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("given_shards", "message"),
    [
        ([], "no shards, so there is no agent"),
        ([()], "Agent 0 has no arrays"),
        ([(np.ones((2, 1)), 1.0)], "Agent 0: targets is a single number"),
        ([(np.ones((2, 1)), np.ones(3))], "Agent 0: features has 2 examples, but targets has 3"),
        ([(np.ones((2, 1)), np.ones(2)), np.ones(2)], "Agent 1's shard is structured as"),
        ([{"rain": np.ones(2)}, {"rain": np.array(["wet"])}], r"Agent 1: \['rain'\] has dtype <U3"),
    ],
)
def test_what_is_no_shard_is_refused_by_agent_and_field(given_shards: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        shards.checked(given_shards)
