"""Agents that answer before their local steps are done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.clocks import uniform
from accord.errors import MethodError
from accord.runtimes import Timed

pytestmark = pytest.mark.slow  # many programs to compile

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
PROBLEM = accord.problems.quadratic(H, C)
OPTIMUM = H @ C / H.sum()
PACES, SHARES, TAU = np.array([1.0, 5.0, 2.0, 1.5]), [1.0, 0.5, 0.24, 0.01], np.array([10, 5, 2, 1])  # of ten steps
RAGGED = accord.problems.least_squares(
    [(row := np.random.default_rng(n).normal(size=(n, 2)), row @ [1.0, n] + 1) for n in (6, 1, 3)]
)


def lived(method: Any, clock: accord.Clock, problem: Any = PROBLEM, rounds: int = 12, **how: Any) -> accord.Run:
    stop = accord.Stop(rounds=rounds, progress=0)
    return accord.run(problem, method, runtime=Timed(clock, devices=1), stop=stop, **{"record": 1} | how)


def numbers(run: accord.Run) -> np.ndarray:
    return run.history.drop(columns="seconds").to_numpy()


# where it leads


@pytest.mark.parametrize(("method", "per"), [(accord.FedAvg, 1), (accord.FedNova, TAU)], ids=["FedAvg", "FedNova"])
def test_uneven_completeness_moves_the_fixed_point_to_where_the_equations_say(method: Any, per: Any) -> None:
    """x − y_k = A_k (x − c_k), A_k = 1 − (1 − a h_k)^τ_k. FedAvg averages that, and FedNova that by τ_k."""
    for a in (0.05, 0.01):
        moved = (1 - (1 - a * H) ** TAU) / per
        run = lived(method(accord.GradientDescent(10, a)), accord.Clock(complete=SHARES), rounds=1500, record=1500)
        assert run.x == pytest.approx(moved @ C / moved.sum(), abs=1e-10)


def test_as_steps_shrink_fedavg_counts_agents_by_their_steps_and_fednova_does_not() -> None:
    """Wang et al. 2020, theorem 1: FedAvg minimises Σ p_k τ_k f_k instead of F."""
    weighed, clock = TAU * H @ C / (TAU @ H), accord.Clock(complete=SHARES)
    local = accord.GradientDescent(10, 1e-3)
    fedavg, fednova = (lived(how(local), clock, rounds=6000, record=6000).x for how in (accord.FedAvg, accord.FedNova))
    assert fedavg == pytest.approx(weighed, abs=0.01)
    assert fednova == pytest.approx(OPTIMUM, abs=0.01)
    assert abs(weighed - OPTIMUM) > 1


@pytest.mark.parametrize("method", [accord.SCAFFOLD, accord.FedDyn, accord.FedPD, accord.FedLT, accord.KGT])
def test_what_is_exact_stays_exact_however_little_gets_done(method: Any) -> None:
    network = accord.networks.ring(4) if method is accord.KGT else None
    clock = accord.Clock(complete=uniform(0.0, [1.0, 0.5, 0.3, 1.0]))
    run = lived(method(local=accord.GradientDescent(10)), clock, rounds=500, record=500, network=network)
    assert run.x == pytest.approx(OPTIMUM, abs=1e-10)


# how much gets done


@pytest.mark.parametrize(
    ("asked", "share", "done"),
    [
        (accord.SGD(steps=10, batch_size=2), 0.4, accord.SGD(steps=4, batch_size=2)),
        (accord.SGD(epochs=4, batch_size=2), 0.5, accord.SGD(epochs=2, batch_size=2)),
    ],
    ids=["steps", "epochs"],
)
def test_broken_off_work_is_the_work_of_fewer_steps(asked: Any, share: float, done: Any) -> None:
    part = lived(accord.FedNova(asked), accord.Clock(complete=share), RAGGED)
    fewer = lived(accord.FedNova(done), accord.Clock(), RAGGED)
    np.testing.assert_allclose(part.x, fewer.x, rtol=1e-13)
    np.testing.assert_allclose(part.agents, fewer.agents, rtol=1e-13)
    assert part.history["gradients"].iloc[-1] == pytest.approx(fewer.history["gradients"].iloc[-1])


def test_all_of_it_is_bit_for_bit_as_if_nothing_were_said() -> None:
    method = accord.SCAFFOLD(accord.SGD(steps=3, batch_size=2))
    plain = lived(method, accord.Clock([1.0, 2.0, 3.0]), RAGGED, participation=2)
    whole, drawn = (
        lived(method, accord.Clock([1.0, 2.0, 3.0], complete=all_of_it), RAGGED, participation=2)
        for all_of_it in (np.ones(3), uniform(1.0, 1.0))
    )
    np.testing.assert_array_equal(numbers(whole), numbers(plain))
    np.testing.assert_allclose(numbers(drawn), numbers(plain), rtol=1e-13)  # the loops are of no known length there


def test_the_clock_and_the_gradients_tell_how_much_was_done() -> None:
    run = lived(accord.FedAvg(accord.GradientDescent(10)), accord.Clock(PACES, network=0.25, complete=SHARES))
    np.testing.assert_allclose(run.history["clock"], (np.max(PACES * TAU / 10) + 0.25) * np.arange(13))
    np.testing.assert_allclose(run.history["gradients"], TAU.mean() * np.arange(13))


def test_a_share_is_drawn_afresh_each_round_and_the_clock_and_the_work_are_of_one_draw() -> None:
    """Alone, (x⁺ − c) = (1 − a h)^τ (x − c): the objective tells τ, which is max(1, 10 s to the nearest)."""
    a, alone = 0.003, accord.problems.quadratic(H=[1.0], c=[5.0])
    run = lived(accord.FedAvg(accord.GradientDescent(10, a)), accord.Clock(complete=uniform(0, 1)), alone, rounds=400)
    tau = np.diff(np.log(run.history["objective"])) / (2 * np.log(1 - a))
    np.testing.assert_allclose(np.diff(run.history["clock"]), tau / 10, atol=1e-6)
    assert {*tau.round(3)} == {*range(1, 11)}
    assert tau.mean() == pytest.approx(5.05, abs=0.45)  # three of its standard deviations
    assert run.history["gradients"].iloc[-1] == pytest.approx(5.05 * 400)


def test_where_nobody_waits_who_breaks_off_is_there_sooner() -> None:
    part, fewer = (
        lived(accord.FedAsync(local=accord.GradientDescent(steps, 0.02)), clock, rounds=60, record=20)
        for steps, clock in ((10, accord.Clock(PACES, complete=0.4)), (4, accord.Clock(0.4 * PACES)))
    )
    np.testing.assert_allclose(numbers(part), numbers(fewer), rtol=1e-12)


# who cannot bear it

WORD = "takes no local steps that can be counted, of which agents could get a part done. Leave complete out"
REFUSED: dict[str, tuple[Any, str]] = {
    "no local work": (accord.FedSGD(), f"FedSGD {WORD}"),
    "a coin for all": (accord.Scaffnew(), f"Scaffnew {WORD}"),
    "peers": (accord.GradientTracking(), f"GradientTracking {WORD}"),
    "nobody waits": (accord.AsyncSGD(), f"AsyncSGD {WORD}"),
    "to its end": (
        accord.FedProx(local=accord.ProximalPoint()),
        "FedProx has local=ProximalPoint, which takes no steps that can be counted",
    ),
    "one number for all": (accord.LED(), "but agent 2 takes 1 and agent 0 takes 5: it would converge to a wrong"),
}


@pytest.mark.parametrize(("method", "said"), REFUSED.values(), ids=REFUSED)
def test_who_cannot_bear_it_is_refused_before_anything_starts(method: Any, said: str) -> None:
    network = accord.networks.ring(4) if accord.methods.traits.pattern_of(method) == "peers" else None
    with pytest.raises(MethodError) as refused:
        lived(method, accord.Clock(complete=SHARES), network=network)
    assert said in str(refused.value)


@pytest.mark.parametrize("method", [accord.LED, accord.LTADMM])
def test_who_needs_as_many_steps_of_all_is_given_no_uneven_ones(method: Any) -> None:
    """Passes over shards of 6, 1 and 3 rows: the dual variables would not add up to zero."""
    network = accord.networks.complete(3)
    with pytest.raises(MethodError, match="but agent 1 takes 1 and agent 0 takes 6: it would converge to a wrong"):
        accord.run(RAGGED, method(local=accord.SGD(epochs=1, batch_size=1)), network=network)
    with pytest.raises(MethodError, match="the clock draws anew in each round how many each gets done"):
        lived(method(), accord.Clock(complete=uniform(0.5, 1)), RAGGED, network=network)


def test_shares_that_leave_all_as_many_steps_are_borne_by_all() -> None:
    ring, clock = accord.networks.ring(4), accord.Clock(complete=[0.6, 0.6, 0.61, 0.59])
    run = lived(accord.LED(accord.GradientDescent(5)), clock, rounds=400, record=400, network=ring)
    assert run.x == pytest.approx(OPTIMUM, abs=1e-10)
