"""Shards of very different sizes: kept in pages, nobody padded to the largest, the same numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accord
from accord.problems.agent import Agent
from accord.problems.data import shards
from accord.problems.data.rows import LARGE, Rows
from accord.problems.data.shape import Shape
from accord.problems.objectives import LeastSquares, Softmax
from tests.problems.data.test_shards import numbered

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
SIZES = [64, 1, 3, 5, 0, 9, 2, 30]
uneven = st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(any)


@given(uneven, st.sampled_from([2, 8, 16]))
def test_pages_hold_every_row_once_and_padding_repeats_real_rows(sizes: list[int], length: int) -> None:
    given_shards, counts = numbered(sizes), np.array(sizes)
    places = shards.block_count(counts, length)
    joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *given_shards)
    rows = shards.pack_blocks(joined, counts, length, max(sizes), len(places.owner) + 2)
    assert rows.data[1].shape == ((len(places.owner) + 2) * length,)
    assert sum(rows.blocks.filled) == sum(sizes)
    for view, shard in zip(shards.views(rows, counts), given_shards, strict=True):
        for leaf, own in zip(view, shard, strict=True):
            np.testing.assert_array_equal(leaf, own)
    for page, owner in enumerate(places.owner):
        assert set(rows.data[1][page * length : (page + 1) * length]) <= set(given_shards[owner][1])


def test_data_are_laid_out_by_what_is_less_work() -> None:
    """Even shards in a stack, uneven ones in pages, with at most a quarter more rows than there are where it counts."""
    random = np.random.default_rng(0)
    spread = np.round(np.exp(random.uniform(np.log(10), np.log(10_000), 1000))).astype(int)
    length = shards.block_length(spread)
    held = (-(-spread // length) * length).sum()
    assert held < 1.1 * spread.sum() < 0.2 * len(spread) * spread.max()
    assert shards.block_length(np.full(100, 60) + random.integers(0, 10, 100)) == 0


def test_the_data_stay_one_copy() -> None:
    problem = accord.Problem(LeastSquares(), numbered(SIZES), x0=np.zeros(3))
    rows = problem.rows
    assert rows.blocks is not None
    for shard in problem.shards:
        for view, leaf in zip(shard, rows.data, strict=True):
            assert not len(view) or np.shares_memory(view, leaf)


def agents_of(classes: int, features: int, paged: bool) -> Agent:
    random = np.random.default_rng(1)
    own = tuple((random.normal(size=(n, features)), random.integers(0, classes, n)) for n in SIZES)
    rows = shards.layout(own, np.array(SIZES), even=not paged)
    assert (rows.blocks is None) != paged
    x = jax.ShapeDtypeStruct((classes, features), np.float64)
    return jax.tree.map(jnp.asarray, Agent(Softmax(classes, 0.1), Shape.of(x), rows, np.arange(1.0, 9.0)))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("features", [3, LARGE // 2], ids=["all pages at once", "a large model, a page at a time"])
def test_oracles_of_all_agents_at_once_are_those_of_padded_shards(features: int) -> None:
    models = np.random.default_rng(2).normal(size=(8, 2 * features)) / features

    def ask(agents: Agent, x: Any, axis: int | None) -> Any:
        answer = jax.jit(jax.vmap(lambda agent, x: (agent.value(x), agent.grad(x)), (agents.axes, axis)))
        return answer(agents, x)

    for x, axis in ((models, 0), (models[0], None)):
        padded, paged = (ask(agents_of(2, features, paged), x, axis) for paged in (False, True))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), padded, paged)
        assert padded[0][4] == paged[0][4] == 0  # who has no rows loses nothing


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_oracles_of_a_few_agents_are_those_of_padded_shards() -> None:
    """One alone, in a loop of its own pages; some of them, and several questions to one, by batching that loop."""
    padded, paged, ks = agents_of(2, 3, False), agents_of(2, 3, True), np.array([5, 0, 4])
    models = np.random.default_rng(2).normal(size=(3, 6))

    def one(agents: Agent, k: Any, x: Any) -> Any:
        rows = Rows(agents.rows.data, agents.rows.size[k], k, agents.rows.blocks, agents.rows.length, agents.rows.most)
        agent = Agent(agents.loss, agents.shape, rows, agents.scale[k])
        first, order = jnp.int32(0), jnp.arange(agent.capacity, dtype=jnp.int32)[::-1] % jnp.maximum(agent.size, 1)
        group = (agent.batch_grad(x, first, 4), agent.batch_grad(x, first, 4, order))
        return agent.value(x), agent.grad(x), group, agent.sample_grad(x, jax.random.key(0), 5), agent._each().sum()

    for question in (
        jax.vmap(one, (None, 0, 0)),
        lambda agents, ks, models: jax.lax.map(lambda at: one(agents, *at), (ks, models)),
        lambda agents, ks, models: jax.vmap(one, (None, None, 0))(agents, ks[0], models),
    ):
        found = [jax.jit(question)(agents, jnp.asarray(ks), models) for agents in (padded, paged)]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), *found)


LEAST = [(a, b.astype(float)) for a, b in ((v[0].astype(float) / 100, v[1]) for v in numbered(SIZES))]


def padded_and_paged(method: Any, **how: Any) -> tuple[accord.Run, accord.Run]:
    problems = [accord.Problem(LeastSquares(1.0), LEAST, x0=np.zeros(3)) for _ in range(2)]
    problems[0].__dict__["rows"] = shards.layout(tuple(LEAST), np.array(SIZES), even=True)
    assert problems[1].rows.blocks is not None
    stop = accord.Stop(rounds=8, progress=0)
    one, other = (accord.run(problem, method, stop=stop, record=4, **how) for problem in problems)
    return one, other


def first(replies: Any, share: Any) -> Any:
    """A rule that tells who came first."""
    return jax.tree.map(lambda leaf: leaf[0], replies)


TWO = accord.runtimes.Vectorised(devices=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "how"),
    [
        (accord.FedAvg(accord.SGD(epochs=2, batch_size=4, step_size=0.01)), {"participation": 5}),
        (accord.FedAvg(accord.GradientDescent(2, 0.01)), {"runtime": TWO, "aggregate": first}),
        (accord.FedSGD(0.01), {"participation": 3}),
        (accord.GradientTracking(0.001), {"network": accord.networks.ring(8)}),
    ],
    ids=[
        "shuffled epochs",
        "replies dealt over devices, in the cohort's order for a rule that asks",
        "an uneven cohort",
        "peers",
    ],
)
def test_a_run_over_pages_has_the_numbers_of_one_over_padded_shards(method: Any, how: dict[str, Any]) -> None:
    padded, paged = padded_and_paged(method, **how)
    np.testing.assert_allclose(padded.x, paged.x, **CLOSE)
    np.testing.assert_allclose(padded.agents, paged.agents, **CLOSE)
    columns = ["objective", "disagreement", "worst"]
    np.testing.assert_allclose(padded.history[columns], paged.history[columns], rtol=1e-10, atol=1e-12)
