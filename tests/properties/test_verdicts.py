"""What is said of a run is true: in any units, at any record, for slow networks, late agents and idle markets."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.core.status import Status
from accord.methods import METHODS
from accord.methods.traits import is_coupled, pattern_of
from accord.problems import dispatch, quadratic

H, C = np.array([1.0, 2.0, 4.0, 3.0, 1.5]), np.array([0.0, 1.0, 2.0, 6.0, -1.0])
P = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
PLANTS = np.array([0.004, 0.006, 0.009]), np.array([5.3, 5.5, 5.8]), np.array([450.0, 350.0, 225.0])
BRIEF = accord.Stop(rounds=300)
OFTEN = {"FedSGD", "FedAvg", "ConsensusADMM", "GradientTracking", "DGD", "DualDecomposition", "ExchangeADMM"}
ADAPTIVE = {"FedAdam", "FedYogi", "FedAdagrad"}  # whose steps have a length of their own, whatever the gradient


def told(kind: Any, loss: int = 0, data: int = 0, **how: Any) -> tuple[Status, int]:
    """The verdict and the round of a run in units 2^loss and 2^data times those of the world."""
    a, b, method = 2.0**loss, 2.0**data, kind()
    if is_coupled(kind()):
        cost2, cost1, most = PLANTS
        problem = dispatch(a * cost2, a * b * cost1, [0, 0, 0], 0, b * most, b * 600)
    else:
        problem = quadratic(a * H, b * C, weights=P)
    size = 3 if is_coupled(kind()) else 5
    network = accord.networks.ring(size) if pattern_of(method) == "peers" else None
    run = accord.run(problem, method, network=network, **{"stop": BRIEF, **how})
    return run.status, run.rounds


SLOW = [pytest.mark.slow]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind.__name__ in OFTEN else SLOW)
        for kind in METHODS
        if kind.__name__ not in ADAPTIVE
    ],
    ids=lambda kind: kind.__name__,
)
def test_units_change_neither_the_round_nor_the_verdict(kind: Any) -> None:
    one = told(kind)
    assert [told(kind, loss, data) for loss, data in ((-60, 0), (60, 0), (0, -60), (0, 60), (17, -9))] == [one] * 5


@pytest.mark.parametrize("kind", [accord.GradientTracking, accord.DGD, accord.DualDecomposition, accord.ExchangeADMM])
def test_what_is_recorded_changes_neither_the_round_nor_the_verdict(kind: Any) -> None:
    assert len({told(kind, record=record) for record in (1, 5, 10, 100)}) == 1


def test_of_a_long_record_only_the_rounds_that_were_asked_for_and_the_last_are_kept() -> None:
    seen: list[int] = []

    def measure(now: Any) -> dict[str, float]:
        seen.append(now.round)
        return {"square": float(now.x**2)}

    run = accord.run(quadratic(H, C), accord.FedSGD(0.01), record=60, measure=measure, stop=accord.Stop(rounds=150))
    assert run.history["round"].tolist() == [0, 60, 120, 150] == seen
    assert run.history["square"].notna().all()


def test_a_market_goes_on_while_its_price_rises_though_nobody_produces_yet() -> None:
    """A1 to A3: the cost stands still at the start, for no plant is worth starting yet."""
    late = dispatch([0.01, 0.01], [10.0, 40.0], [0, 0], 0, [100, 100], 150.0)
    few = dispatch(*PLANTS[:2], [500, 400, 200], 0, PLANTS[2], 20.0)
    for market, plan in ((late, [100, 50]), (few, [20, 0, 0])):
        for method in (accord.DualDecomposition(), accord.ExchangeADMM()):
            run = accord.run(market, method)
            assert run.converged, run.reason
            np.testing.assert_allclose(run.x.ravel(), plan, atol=1e-4 * sum(plan))


@pytest.mark.parametrize("record", [1, None])
def test_a_violation_that_was_nothing_for_once_is_no_yardstick(record: int | None) -> None:
    """A4."""
    market = dispatch([0.0, 0, 0], [10.0, 20, 30], [0] * 3, [0] * 3, [300] * 3, 500.0)
    run = accord.run(market, accord.ExchangeADMM(), record=record)
    assert run.converged, run.reason
    np.testing.assert_allclose(run.x.ravel(), [300, 200, 0], atol=0.05)


def test_exact_methods_on_a_path_of_a_hundred_go_on() -> None:
    """A6: the objective at the mean is the least from the first step on; the ends are then 49.5 away."""
    problem = quadratic(np.ones(100), np.arange(100.0))
    run = accord.run(problem, accord.methods.EXTRA(), network=accord.networks.path(100), stop=BRIEF)
    assert run.status is Status.ROUND_LIMIT


def test_a_step_at_its_limit_that_jumps_over_the_optimum_for_ever_has_not_converged() -> None:
    """A7: 0, 2, 0, 2."""
    run = accord.run(quadratic([1.0, 1.0], [1.0, 1.0]), accord.FedSGD(2.0), stop=BRIEF)
    assert run.status is Status.ROUND_LIMIT


def test_little_curvature_is_no_convergence() -> None:
    """A8: of the second decision gradient tracking has hardly moved; ADMM, which need not step, is there."""
    H, c = np.array([np.diag([1.0, 1e-6])] * 3), np.array([[1.0, 100], [2, 100], [0, 130]])
    slow = accord.run(quadratic(H, c), accord.GradientTracking(), network=accord.networks.ring(3), stop=BRIEF)
    quick = accord.run(quadratic(H, c), accord.methods.ConsensusADMM())
    assert slow.status is Status.ROUND_LIMIT
    assert quick.converged
    np.testing.assert_allclose(quick.x, [1, 110], rtol=1e-3)


def test_where_nobody_waits_a_window_lasts_until_the_slowest_was_heard() -> None:
    """A10: two of three have no gradient at x0, and answer thirty times before the third does once."""
    clock = accord.runtimes.Timed(accord.Clock(np.array([1.0, 1.0, 30.0])))
    run = accord.run(quadratic([1.0, 1, 1], [0.0, 0, 9]), accord.PIAG(), runtime=clock, stop=accord.Stop(rounds=4000))
    assert run.converged
    assert run.x == pytest.approx(3, rel=1e-3)


@pytest.mark.parametrize(
    ("loss", "x0"),
    [
        (lambda x, c: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 + 0 * c, np.zeros(2)),  # a saddle
        (lambda x, c: jnp.where(x[0] > c, 1.0, 2.0), np.array([8.0])),  # steps
    ],
)
def test_what_does_not_move_from_x0_is_told_so(loss: Any, x0: np.ndarray) -> None:
    """A11."""
    run = accord.run(accord.Problem(loss, [np.zeros(1)] * 3, x0=x0), accord.FedSGD(0.1))
    assert run.status is Status.UNMOVED
    assert run.status.code == 3
    assert "no agent has a gradient there" in run.reason


def test_where_a_convex_problem_does_not_move_it_is_solved() -> None:
    run = accord.run(quadratic([1.0, 3.0], [0.0, 0.0]), accord.FedSGD())
    assert run.converged
    assert run.reason.startswith("converged: x0 is a minimum")


def test_a_loss_without_a_minimum_falls_for_ever() -> None:
    """A11: separable labels, and nothing that holds the weights."""
    X, y = np.array([[1.0], [2], [-1], [-2]]), np.array([1, 1, 0, 0])
    assert accord.run(accord.problems.logistic([(X, y)] * 3), accord.FedSGD()).status is Status.ROUND_LIMIT


def test_a_violation_of_rounding_is_none_in_any_unit() -> None:
    """A12: Saadat's example 7.6, in W instead of MW."""
    cost2, cost1, most = PLANTS
    runs = [
        accord.run(dispatch(cost2 / u**2, cost1 / u, [0] * 3, 0, u * most, u * 975), accord.DualDecomposition())
        for u in (1.0, 1e6)
    ]
    assert all(run.converged for run in runs), [run.reason for run in runs]
    np.testing.assert_allclose(runs[1].x, 1e6 * runs[0].x, rtol=1e-6)


@pytest.mark.parametrize("K", [1, 2])
def test_one_agent_and_two_are_enough(K: int) -> None:
    run = accord.run(quadratic(H[:K], C[:K]), accord.GradientTracking(), network=accord.networks.path(K))
    assert run.converged, run.reason
    assert run.x == pytest.approx(H[:K] @ C[:K] / H[:K].sum(), abs=1e-4)


def test_an_agent_with_hardly_any_weight_is_waited_for_no_longer() -> None:
    run = accord.run(quadratic(H, C, weights=[1, 1e-9, 1, 1e-6, 1]), accord.FedSGD())
    assert run.converged, run.reason


def test_a_certificate_holds() -> None:
    """Half way, where it has something to say: both bounds are above what is really left, and below a hundred times."""
    run = accord.run(quadratic(H, C, weights=P), accord.FedSGD(0.1), stop=accord.Stop(rounds=5, progress=0))
    best = accord.problems.quadratic(H, C, weights=P).solve()
    F = lambda x: float(P @ (H * (x - C) ** 2)) / 2  # noqa: E731
    found = run.certificate
    assert found is not None
    assert found.distance == pytest.approx(abs(float(run.x - best)))
    assert found.gap == pytest.approx(F(run.x) - F(best))
    assert str(found) in str(run)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in METHODS if is_coupled(kind())], ids=lambda kind: kind.__name__)
def test_on_thirty_random_markets_every_run_ends_at_the_planners_cost_or_at_its_limit(kind: Any) -> None:
    rng, network = np.random.default_rng(7), accord.networks.ring(4) if pattern_of(kind) == "peers" else None
    for _ in range(30):
        cost1, cost2 = np.cumsum(rng.exponential(rng.choice([0.1, 1, 10]), 4)), 10 ** rng.uniform(-3, 0, 4)
        most = rng.uniform(0.2, 2, 4)
        market = dispatch(cost2, cost1, np.zeros(4), np.zeros(4), most, rng.uniform(0.05, 0.95) * most.sum())
        run = accord.run(market, kind(), network=network)
        assert run.status in (Status.CONVERGED, Status.ROUND_LIMIT), run.reason
        if run.converged:
            best = float((cost2[:, None] * (x := market.solve()) ** 2 + cost1[:, None] * x).sum())
            assert run.history["objective"].iloc[-1] == pytest.approx(best, rel=1e-4)
