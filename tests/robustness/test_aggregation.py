"""Rules that bear bad agents: known answers, their limits, attacks that turn the mean and not the rules."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord import attacks
from accord.errors import MethodError
from accord.robustness.aggregation import (
    CenteredClipping,
    GeometricMedian,
    Median,
    MultiKrum,
    NearestNeighbourMixing,
    TrimmedMean,
    krum,
)
from accord.robustness.attacks import ALIE, Attacked, Gaussian, InnerProduct
from accord.runtimes import Threads, Vectorised

F, N, D = 2, 9, 3
RULES = {
    "Median": Median(F),
    "TrimmedMean": TrimmedMean(F),
    "GeometricMedian": GeometricMedian(F),
    "Krum": krum(F),
    "MultiKrum": MultiKrum(F),
    "CenteredClipping": CenteredClipping(F),
    "mixing, then Median": NearestNeighbourMixing(F, Median(F)),
    "mixing, then GeometricMedian": NearestNeighbourMixing(F, GeometricMedian(F)),
}
ATTACKS = {
    "sign flip": attacks.sign_flip,
    "NaN": attacks.not_a_number,
    "mimic": attacks.mimic,
    "ALIE": ALIE(),
    "inner product": InnerProduct(10.0),
    "Gaussian": Gaussian(100.0),
}
RANDOM = np.random.default_rng(0)
SPREAD = RANDOM.normal(size=(N, D))
CENTRE = np.array([3.0, -2.0, 1.0])


class Reply(NamedTuple):
    x: Any
    y: Any


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_answer_stays_among_the_honest(rule: Any, attack: Any) -> None:
    """No further from the honest mean than the farthest of the honest, whatever two of nine say."""
    replies = jnp.asarray(CENTRE + 0.1 * SPREAD)
    got = Attacked(rule, (0, 5), attack)((replies,), jnp.ones(N) / N)[0]
    honest = np.delete(np.asarray(replies), (0, 5), 0)
    radius = np.linalg.norm(honest - honest.mean(0), axis=1).max()
    assert np.linalg.norm(got - honest.mean(0)) <= radius


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_agreement_is_kept_and_order_and_fields_do_not_matter(rule: Any) -> None:
    same = jnp.tile(jnp.asarray(CENTRE), (N, 1))
    np.testing.assert_allclose(rule((same,), jnp.ones(N))[0], CENTRE, rtol=0, atol=1e-12)
    rows = jnp.asarray(SPREAD)
    one = rule(Reply(rows[:, :1], rows[:, 1:]), jnp.ones(N))
    other = rule(Reply(rows[::-1, :1], rows[::-1, 1:]), jnp.ones(N))
    np.testing.assert_allclose(one.x, other.x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.y, other.y, rtol=0, atol=1e-12)
    whole = rule((rows,), jnp.ones(N))[0]
    np.testing.assert_allclose(jnp.concatenate([one.x, one.y]), whole, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_known_answers() -> None:
    rows = np.array([[0.0, 0.0], [1.0, 4.0], [2.0, 1.0], [3.0, 9.0], [100.0, -100.0]])
    np.testing.assert_array_equal(Median().over(jnp.asarray(rows)), np.median(rows, 0))
    np.testing.assert_allclose(TrimmedMean(1).over(jnp.asarray(rows)), np.sort(rows, 0)[1:4].mean(0))
    np.testing.assert_array_equal(GeometricMedian().over(jnp.asarray(rows)), rows[2])  # the pulls of four are below one


@pytest.mark.usefixtures("float64")
def test_the_geometric_median_is_where_the_pulls_cancel_even_from_a_reply() -> None:
    """The median of every number is the reply (0, 0), which is not the answer: the iteration has to leave it."""
    rows = np.array([[0.0, 0.0], [10.0, 0.1], [10.0, 0.2], [-0.1, -10.0], [-0.1, -9.0]])
    start = np.median(rows, 0)
    np.testing.assert_array_equal(start, rows[0])
    z = np.asarray(GeometricMedian(iterations=3000).over(jnp.asarray(rows)))
    pulls = (rows - z) / np.linalg.norm(rows - z, axis=1)[:, None]
    assert np.linalg.norm(z - start) > 0.1
    np.testing.assert_allclose(pulls.sum(0), 0, atol=1e-6)


@pytest.mark.usefixtures("float64")
def test_krum_by_brute_force() -> None:
    """The reply with the least sum of squared distances to its n−f−2 nearest others."""
    apart = ((SPREAD[:, None] - SPREAD[None]) ** 2).sum(-1)
    score = [
        min(sum(apart[k, list(c)]) for c in itertools.combinations([j for j in range(N) if j != k], N - F - 2))
        for k in range(N)
    ]
    np.testing.assert_array_equal(krum(F).over(jnp.asarray(SPREAD)), SPREAD[np.argmin(score)])
    kept = np.argsort(score)[: N - F]
    np.testing.assert_allclose(MultiKrum(F).over(jnp.asarray(SPREAD)), SPREAD[kept].mean(0), atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_mixing_by_hand() -> None:
    rows = jnp.array([[0.0], [1.0], [3.0], [100.0]])
    mixed = [4 / 3, 4 / 3, 4 / 3, 104 / 3]  # each with its three nearest, itself among them
    assert float(NearestNeighbourMixing(1, TrimmedMean(0)).over(rows)[0]) == pytest.approx(np.mean(mixed))


LIMITS = [
    (Median(2), 4), (TrimmedMean(2), 4), (GeometricMedian(2), 4), (krum(2), 6), (MultiKrum(2), 6),
    (CenteredClipping(2), 4), (NearestNeighbourMixing(2, Median()), 4),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "too_few"), LIMITS, ids=lambda value: str(value))
def test_more_bad_agents_than_a_rule_bears_are_refused_at_the_door(rule: Any, too_few: int) -> None:
    rule.check(too_few + 1)
    problem = accord.problems.quadratic(H=np.ones(too_few), c=np.arange(float(too_few)))
    with pytest.raises(MethodError, match=rf"bears f=2 bad agents among at least {too_few + 1} replies.*has {too_few}"):
        accord.run(problem, accord.FedSGD(), aggregate=rule)


def test_a_rule_is_refused_where_replies_are_summed() -> None:
    problem = accord.problems.quadratic(H=np.ones(3), c=np.arange(3.0))
    with pytest.raises(MethodError, match="SCAFFOLD does not take the mean"):
        accord.run(problem, accord.SCAFFOLD(), aggregate=Median())


PROBLEM = accord.problems.quadratic(H=np.ones((N, D)), c=CENTRE + 0.1 * SPREAD)
STOP = accord.Stop(rounds=60, progress=0)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_training_survives_two_of_nine(rule: Any) -> None:
    run = accord.run(PROBLEM, accord.FedSGD(0.5), aggregate=Attacked(rule, (0, 5), InnerProduct(10.0)), stop=STOP)
    assert np.linalg.norm(run.x - CENTRE) < 0.2
    assert np.isfinite(run.x).all()


def test_the_mean_does_not_survive() -> None:
    run = accord.run(
        PROBLEM, accord.FedSGD(0.5), aggregate=Attacked(TrimmedMean(0), (0, 5), InnerProduct(10.0)), stop=STOP
    )
    assert not np.linalg.norm(run.x - CENTRE) < 2


def test_a_rule_gives_the_same_in_every_runtime() -> None:
    how = {"aggregate": Attacked(GeometricMedian(F), (0, 5), Gaussian()), "stop": accord.Stop(rounds=5, progress=0)}
    one, other = (accord.run(PROBLEM, accord.FedSGD(), runtime=where, **how) for where in (Vectorised(), Threads()))
    np.testing.assert_allclose(one.x, other.x, rtol=1e-12, atol=1e-12)


def test_flipped_labels_are_outvoted() -> None:
    features = RANDOM.normal(size=(5, 40, 2))
    shards = [(x, (x[:, 0] > 0).astype(int)) for x in features]
    flipped = accord.problems.logistic(attacks.label_flip(shards, [1], classes=2), l2=0.1)
    honest = accord.problems.logistic([shard for k, shard in enumerate(shards) if k != 1], l2=0.1).solve()
    told = {rule: accord.run(flipped, accord.FedSGD(), aggregate=rule, stop=STOP).x for rule in ("mean", Median(1))}
    assert np.linalg.norm(told[Median(1)] - honest) < 0.5 * np.linalg.norm(told["mean"] - honest)


def test_a_rule_counts_every_reply_once_whatever_it_weighs_and_the_run_says_so() -> None:
    """x⁺ = x − a median(x − c_k): the median of the c_k, though one agent has seven tenths of the weight."""
    problem = accord.problems.quadratic(np.ones(5), [0.0, 1.0, 2.0, 6.0, 9.0], weights=[0.05, 0.05, 0.1, 0.1, 0.7])
    run = accord.run(problem, accord.FedSGD(0.5), aggregate=Median(), stop=accord.Stop(rounds=80, progress=0))
    assert float(run.x) == pytest.approx(2, abs=1e-12)
    assert "FedSGD reaches what Median makes of the replies, each counted once whatever its weight p_k" in str(run)
