"""What must change nothing: the shape of a decision, padding, the agents' numbers, an agent of no weight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np

import accord
from tests.contract.knobs import chosen, settled
from tests.contract.worlds import world_of

ORDER = (3, 0, 5, 1, 4, 2)
CLOSE = {"rtol": 1e-12, "atol": 1e-12}
HEAVY = True  # a method is compiled for both sides of a comparison


def flat(params: Any) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])


def same(one: accord.Run, other: accord.Run) -> None:
    """Equal answers, equal models of every agent, and an equal course, to rounding."""
    np.testing.assert_allclose(flat(one.x), flat(other.x), **CLOSE)
    np.testing.assert_allclose([*map(flat, one.agents)], [*map(flat, other.agents)], **CLOSE)
    same_course(one, other)


def same_course(one: accord.Run, other: accord.Run) -> None:
    columns = ["round", "objective", "disagreement", "worst"]
    np.testing.assert_allclose(one.history[columns], other.history[columns], **CLOSE)


def test_a_nested_dict_of_parameters_gives_the_numbers_of_the_flat_vector(shape_kind: Any) -> None:
    world = world_of(shape_kind)
    run = world.nested().run(settled(shape_kind))
    assert run.x["slopes"]["blood"].shape == run.agents[0]["slopes"]["blood"].shape == (1, 1)
    same(world.run(settled(shape_kind)), run)


def test_padding_changes_nothing(steady_kind: Any) -> None:
    world = world_of(steady_kind)
    method = chosen(settled(steady_kind), world)
    one, other = world.run(method), world.levelled().run(method)
    same_course(one, other)
    rows = [k for k, shard in enumerate(world.shards) if len(shard[0])]
    np.testing.assert_allclose([one.agents[k] for k in rows], [other.agents[k] for k in rows], **CLOSE)


def test_the_numbers_of_the_agents_change_nothing(steady_kind: Any) -> None:
    world = world_of(steady_kind)
    order = [k for k in ORDER if k < len(world.shards)]
    one, other = world.run(settled(steady_kind)), world.permuted(order).run(settled(steady_kind))
    same_course(one, other)
    np.testing.assert_allclose(np.array(one.agents)[order], other.agents, **CLOSE)


def test_the_data_of_an_agent_of_no_weight_change_nothing(relaying_kind: Any) -> None:
    world = world_of(relaying_kind)
    weightless = next(k for k, p in enumerate(world.weights) if p == 0 and len(world.shards[k][0]))
    shards = [(1e3 * a, b - 7) if k == weightless else (a, b) for k, (a, b) in enumerate(world.shards)]
    one, other = (world.run(settled(relaying_kind)), replace(world, shards=tuple(shards)).run(settled(relaying_kind)))
    same_course(one, other)
    np.testing.assert_allclose(one.x, other.x, **CLOSE)


def test_weights_count_by_their_shares(weighted_kind: Any) -> None:
    world = world_of(weighted_kind)
    tenfold = replace(world, weights=10 * world.weights)
    same(world.run(settled(weighted_kind)), tenfold.run(settled(weighted_kind)))


def test_a_weight_counts_as_much_as_it_says(weighing_kind: Any) -> None:
    world = world_of(weighing_kind)
    equal = replace(world, weights=np.where(world.weights > 0, 1.0, 0.0))
    moved = equal.run(settled(weighing_kind)).x - world.run(settled(weighing_kind)).x
    assert np.abs(moved).max() > 1e-3
