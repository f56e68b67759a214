"""Cohorts drawn by weight: each client as often as it should be, and the mean of replies unbiased over all draws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.client_sampling import sample_clients
from accord.engine.planning.cost import per_round
from accord.engine.planning.plan import Plan
from accord.engine.planning.request import RunRequest
from accord.engine.planning.systematic_sampling import BLOCKS, Design, designed, inclusion, points_at
from accord.results.build import _reached
from accord.runtimes.vectorised import team_of

QUICK = "so that who is quick counts for more"
UNEQUAL = np.array([0.3, 0.25, 0.2, 0.125, 0.075, 0.05])
B1 = accord.problems.quadratic([1.0, 1.0, 1.0], [0.0, 0.0, 9.0], weights=[0.8, 0.1, 0.1])  # the optimum is 0.9


def unit(size: int) -> int:
    return 1 << (32 - size.bit_length())


def draws(design: Design, size: int, order: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Every cohort that there can be with the blocks in an order, and for how many u of all it is drawn."""
    cuts = design.cuts.astype(np.int64)
    start = np.empty(len(order), np.int64)
    start[order] = np.cumsum(np.concatenate([[0], np.diff(cuts)[order][:-1]]))
    ends = design.ends.astype(np.int64)
    block = np.searchsorted(cuts, ends, side="left") - 1  # the block in which each interval ends
    edges = np.unique(np.concatenate([[0, unit(size)], (ends - cuts[block] + start[block]) % unit(size)]))
    place = np.argsort(order)
    before = jnp.asarray(place[None] < place[:, None])
    draw = jax.jit(partial(points_at, size=size))
    for first, last in pairwise(edges):
        found, again = (draw(design, before, jnp.uint32(u)) for u in (first, last - 1))
        np.testing.assert_array_equal(found, again)
        yield int(last - first), np.asarray(found)


def often(design: Design, size: int, order: np.ndarray) -> tuple[np.ndarray, Any]:
    """How many u of all draw each client, and the mean over all draws of what its replies sum to."""
    count, mean = np.zeros(len(design.order), np.int64), 0.0
    replies = np.arange(1.0, len(count) + 1) ** 2
    for length, cohort in draws(design, size, order):
        assert len(set(cohort.tolist())) == size
        count[cohort] += length
        mean += length / unit(size) * (design.counts[cohort] @ replies[cohort])
    return count, mean


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_mean_over_all_draws_is_that_over_all_clients(size: int, seed: int) -> None:
    with jax.enable_x64(True):
        count, mean = often(designed(UNEQUAL, size, 0), size, np.random.default_rng(seed).permutation(6))
    np.testing.assert_allclose(count / unit(size), inclusion(UNEQUAL, size), atol=6 / unit(size))
    assert mean == pytest.approx(UNEQUAL @ np.arange(1.0, 7) ** 2, abs=1e-13)


def test_many_clients_in_a_block_are_drawn_as_often_as_they_weigh() -> None:
    p = np.random.default_rng(3).exponential(size=2 * BLOCKS + 9)
    p /= p.sum()
    with jax.enable_x64(True):
        count, mean = often(designed(p, 5, 0), 5, np.random.default_rng(4).permutation(BLOCKS))
    np.testing.assert_allclose(count / unit(5), inclusion(p, 5), atol=1e-6)
    assert mean == pytest.approx(p @ np.arange(1.0, len(p) + 1) ** 2, rel=1e-13)


@pytest.mark.parametrize(
    ("p", "size", "chances"),
    [
        ([0.8, 0.1, 0.1], 1, [0.8, 0.1, 0.1]),
        ([0.8, 0.1, 0.1], 2, [1, 0.5, 0.5]),
        ([0.6, 0.3, 0.05, 0.05], 3, [1, 1, 0.5, 0.5]),
        ([0.5, 0.25, 0.25, 0.0], 2, [1, 0.5, 0.5, 0]),
        ([0.5, 0.5, 0.0, 0.0], 3, [1, 1, 0.5, 0.5]),  # more are asked than weigh anything
        ([1.0, 0.0, 0.0], 1, [1, 0, 0]),
    ],
)
def test_who_weighs_more_than_a_place_is_always_asked(p: list[float], size: int, chances: list[float]) -> None:
    np.testing.assert_allclose(inclusion(np.array(p), size), chances, atol=1e-15)
    design = designed(np.array(p), size, 1)
    with jax.enable_x64(True):
        count, mean = often(design, size, np.arange(len(p))[::-1])
    np.testing.assert_allclose(count / unit(size), chances, atol=4 / unit(size))
    assert mean == pytest.approx(np.array(p) @ np.arange(1.0, len(p) + 1) ** 2, abs=1e-13)
    assert (design.counts[np.array(p) == 0] == 0).all()


def test_any_two_clients_meet_about_as_often_as_if_neither_knew_of_the_other() -> None:
    rounds, design = 4000, designed(UNEQUAL, 3, 0)
    draw = jax.jit(jax.vmap(lambda t: sample_clients(jax.random.key(2), t, 6, 3, design)))
    here = np.zeros((rounds, 6))
    np.put_along_axis(here, np.asarray(draw(jnp.arange(rounds, dtype=jnp.int32))), 1, 1)
    chance = inclusion(UNEQUAL, 3)
    np.testing.assert_allclose(here.mean(0), chance, atol=5 * 0.5 / np.sqrt(rounds))
    together = here.T @ here / rounds
    assert together.min() > 0.2 * np.outer(chance, chance).min()  # every pair meets


def test_it_varies_less_than_a_uniform_cohort_weighed_to_be_unbiased() -> None:
    """Replies that differ by more than their weights: K p_k/m scatters by the weights too."""
    random = np.random.default_rng(5)
    p = np.exp(random.normal(size=50))
    p /= p.sum()
    replies, rounds, design = 3 + random.normal(size=50), jnp.arange(2000, dtype=jnp.int32), designed(p, 10, 0)
    by_weight, alike = (
        np.asarray(jax.vmap(lambda t, d=d: sample_clients(jax.random.key(1), t, 50, 10, d))(rounds))
        for d in (design, None)
    )
    weighed = (design.counts * replies)[by_weight].sum(1)
    uniform = (50 / 10 * p * replies)[alike].sum(1)
    assert abs(weighed.mean() - p @ replies) < 5 * weighed.std() / np.sqrt(2000)
    assert weighed.var() < uniform.var() / 4


def test_tiny_and_huge_weights_leave_nobody_out() -> None:
    p = np.exp(4 * np.random.default_rng(0).normal(size=10**5))
    p /= p.sum()
    design = designed(p, 50, 0)
    lengths = np.diff(design.ends.astype(np.int64), prepend=0)
    assert lengths.min() >= 1
    assert lengths.max() <= unit(50)
    assert design.ends[-1] == 50 * unit(50)
    assert design.counts[design.order] @ lengths / unit(50) == pytest.approx(1, abs=1e-12)


def planned(problem: accord.Problem, method: Any, network: Any = None, **how: Any) -> Plan:
    return build_plan(
        RunRequest(
            problem=problem,
            method=method,
            network=network,
            participation=how.get("participation"),
            aggregate=how.get("aggregate"),
            record=1,
        )
    )[0]


@partial(jax.jit, static_argnames="rounds")
def lived(team: Any, x0: Any, rounds: int) -> jax.Array:
    """The server's model after each round."""

    def after(carry: Any, t: Any) -> tuple[Any, Any]:
        carry = team.round(carry, t)
        return carry, carry.server.x[0]

    return jax.lax.scan(after, team.start(x0, x0), jnp.arange(rounds, dtype=jnp.int32))[1]


def models(problem: accord.Problem, method: Any, rounds: int, **how: Any) -> np.ndarray:
    with jax.enable_x64(True):
        plan = planned(problem, method, **how)
        return np.asarray(lived(team_of(plan, 1), plan.x0, rounds))


@pytest.mark.parametrize("participation", [1, 2])
@pytest.mark.parametrize("method", [accord.FedSGD(0.05), accord.FedAvg(accord.GradientDescent(2, 0.02))])
def test_weights_that_differ_move_the_mean_of_a_run_with_cohorts_nowhere(method: Any, participation: int) -> None:
    """2.7/√n is what the mean of n rounds may be off; a uniform cohort's Σ p r/Σ p went to 3.0 and 1.7."""
    found = models(B1, method, 20_000, participation=participation)[1000:]
    assert found.mean() == pytest.approx(0.9, abs=0.08)


def test_the_cohort_s_own_mean_goes_where_it_says() -> None:
    """One client a round, all as likely: equal weights."""
    found = models(B1, accord.FedSGD(0.05), 20_000, participation=1, aggregate=accord.aggregation.CohortMean())[1000:]
    assert found.mean() == pytest.approx(3.0, abs=0.12)


@pytest.mark.parametrize("method", [accord.SCAFFOLD(), accord.FedDyn(), accord.FedLT()])
def test_who_remembers_what_it_said_is_exact_whatever_the_weights(method: Any) -> None:
    run = accord.run(B1, method, participation=1, stop=accord.Stop(rounds=3000, progress=0))
    assert float(run.x) == pytest.approx(0.9, abs=1e-9)
    assert run.facts.exact is True


def test_uneven_local_work_counts_alike_in_cohorts_too() -> None:
    """With the τ of the cohort itself, who takes twenty steps would count twenty times: it would stand at 20/21."""
    shards = [(np.ones((1, 1)), np.zeros(1)), (np.ones((20, 1)), np.ones(20))]
    problem = accord.problems.least_squares(shards, weights=[1, 1])
    method = accord.FedNova(accord.SGD(epochs=1, batch_size=1, step_size=1e-3))
    found = models(problem, method, 20_000, participation=1)[5000:]
    assert found.mean() == pytest.approx(0.5, abs=0.03)


def test_a_run_says_what_its_cohorts_make_of_the_answer() -> None:
    def told(method: Any, runtime: Any = None, **how: Any) -> bool | str:
        return _reached(planned(B1, method, **how), runtime)

    patient = accord.runtimes.Ray(deadline=10.0)
    assert told(accord.FedSGD(0.1)) is True
    floor = "a floor of the order of the step size, because cohorts differ"
    assert told(accord.FedSGD(0.1), participation=2) == floor
    assert told(accord.FedSGD(0.1), patient, participation=2) == f"{floor}; who is late counts nothing, {QUICK}"
    assert QUICK in str(told(accord.FedSGD(0.1), patient))
    assert told(accord.SCAFFOLD(), patient, participation=2) is True
    own = told(accord.FedSGD(0.1), participation=2, aggregate=accord.aggregation.CohortMean())
    assert "under other weights" in str(own)
    assert "h_k over a cohort is zero in the mean" in str(told(accord.QFFL(), participation=2))


def test_what_a_cohort_computes_is_counted_by_who_is_asked() -> None:
    """A step of ten rows is a quarter of a gradient to a client of 40 rows, asked four times of five."""
    shards = [(np.ones((n, 1)), np.zeros(n)) for n in (40, 10)]
    method = accord.FedAvg(accord.SGD(steps=1, batch_size=10, step_size=0.01))
    plan = planned(accord.problems.least_squares(shards), method, participation=1)
    assert per_round(plan).gradients == pytest.approx((0.8 * 10 / 40 + 0.2 * 10 / 10) / 2)


@pytest.mark.parametrize(
    ("impaired", "messages", "gradients"),
    [
        (accord.networks.ring(4), 56, 7),
        (accord.networks.ring(4).sleep(0.5), 14, 3.5),
        (accord.networks.ring(4).lose(0.5), 56, 7),  # what is lost was sent
        (accord.networks.ring(4).lazy().delay(1), 56, 7),
    ],
)
def test_who_sleeps_is_not_charged(impaired: Any, messages: float, gradients: float) -> None:
    problem = accord.problems.quadratic([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 6.0])
    with jax.enable_x64(True):
        cost = per_round(planned(problem, accord.DGD(0.05), impaired))
    assert (7 * cost.messages, 7 * cost.bytes, 7 * cost.gradients) == (messages, 8 * messages, gradients)
