"""A crowd that is streamed: the numbers of all agents at once, at the price of a cohort."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import accord
from accord.engine.planning.build import build_plan
from accord.engine.planning.request import RunRequest
from accord.errors import AccordError, DataError, MethodError, ProblemError, SavedRunError
from accord.problems.objectives import LeastSquares
from accord.runtimes import Streamed, Threads, Vectorised

pytestmark = pytest.mark.slow  # crowds on disk

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
SIZES = np.array([40, 1, 3, 5, 2, 9, 0, 17, 4, 4])  # in pages of 8
STOP = accord.Stop(rounds=9, progress=0)
SCAFFOLD = accord.SCAFFOLD(accord.SGD(epochs=1, batch_size=4, step_size=0.05))


def shard(k: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(k)
    return random.normal(size=(SIZES[k], 3)), random.normal(k, 1, SIZES[k])


def problem(shards: Any) -> accord.Problem:
    return accord.Problem(LeastSquares(1.0), shards, x0=np.zeros(3))


def in_memory() -> accord.Problem:
    return problem([shard(k) for k in range(len(SIZES))])


def crowd(**how: Any) -> accord.Problem:
    return problem(accord.problems.generated(shard, SIZES, **how))


def run(of: accord.Problem, method: Any = SCAFFOLD, runtime: Any = None, **how: Any) -> accord.Run:
    return accord.run(of, method, runtime=runtime, **{"participation": 4, "record": 3, "stop": STOP, **how})


def same(one: accord.Run, other: accord.Run) -> None:
    np.testing.assert_allclose(one.x, other.x, **CLOSE)
    np.testing.assert_allclose(one.agents, other.agents, **CLOSE)
    np.testing.assert_allclose(one.losses, other.losses, **CLOSE)
    columns = ["round", "objective", "disagreement", "worst", "messages", "bytes", "gradients"]
    np.testing.assert_allclose(one.history[columns], other.history[columns], **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_states_data_noise_and_cohorts_are_those_of_all_agents_at_once(devices: int) -> None:
    noisy = {"channel": accord.chain(accord.clip(1.0), accord.gaussian_noise(0.1)), "seed": 3}
    expected = run(in_memory(), runtime=Vectorised(devices=1), **noisy)
    same(expected, run(crowd() if devices == 2 else in_memory(), runtime=Streamed(devices=devices), **noisy))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "how"),
    [
        (accord.FedSGD(0.1), {"participation": None}),
        (accord.FedSGD(0.1), {"aggregate": accord.aggregation.Median(), "participation": 7}),
        (accord.FedDyn(local=accord.GradientDescent(2, 0.05)), {}),
    ],
    ids=["everybody", "a rule over the stack", "a state that starts from the data"],
)
def test_methods_and_rules_are_those_of_all_agents_at_once(method: Any, how: dict[str, Any]) -> None:
    same(run(in_memory(), method, **how), run(crowd(), method, **how))


def test_a_crowd_is_streamed_unless_told_otherwise_and_never_held() -> None:
    assert run(crowd()).facts.runtime == "streamed"
    for elsewhere in (Vectorised(), Threads()):
        with pytest.raises(MethodError, match=r"stored elsewhere, and .* holds all in memory. Use .*Streamed"):
            run(crowd(), runtime=elsewhere)
    assert list(accord.problems.generated(shard, SIZES))[9][1].tolist() == shard(9)[1].tolist()


def test_a_panel_stands_for_all_and_the_run_says_so() -> None:
    found, whole = run(crowd(panel=5)), run(crowd())
    assert (found.facts.population, len(found.agents), len(found.losses)) == (10, 5, 5)
    np.testing.assert_allclose(found.x, whole.x, **CLOSE)
    ks = np.array([int(name) for name in found.facts.agents])
    assert (SIZES[ks] > 0).all()
    np.testing.assert_allclose(found.losses, whole.losses[ks], **CLOSE)
    share = SIZES[ks] / SIZES[ks].sum()
    assert found.history["objective"].iloc[-1] == pytest.approx(share @ found.losses, abs=1e-12)
    assert "objective and losses over a panel of 5 of 10 clients" in found.facts.given
    assert "with 10 agents" in str(found)
    assert "over a panel of 5, ±" in str(found)
    assert found.summary()["agents"] == 10


@pytest.mark.parametrize(("panel", "every"), [(2, 10), (1000, 50)])
def test_it_is_recorded_as_often_as_the_panel_makes_it_cheap(panel: int, every: int) -> None:
    """Two of ten work in a round; a panel of two costs as much as they do, and all ten five times that."""
    plan, _ = build_plan(RunRequest(problem=crowd(panel=panel), method=SCAFFOLD, participation=2, stop=STOP))
    assert plan.every == every


@pytest.mark.parametrize(
    ("method", "how", "why"),
    [
        (accord.DGD(0.1), {"network": accord.networks.ring(10), "participation": None}, "peers"),
        (accord.FedAsync(), {}, "a clock"),
    ],
)
def test_rounds_that_touch_everybody_are_refused(method: Any, how: dict[str, Any], why: str) -> None:
    with pytest.raises(MethodError, match=f"has {why}.* Use Vectorised"):
        run(in_memory(), method, runtime=Streamed(), **how)


def test_an_interrupted_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = run(crowd(), record=1)

    def fails(status: Any) -> None:
        if status.round == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(crowd(), record=1, checkpoint=tmp_path, notify=fails)
    resumed = run(crowd(), record=1, checkpoint=tmp_path)
    np.testing.assert_array_equal(resumed.x, whole.x)
    np.testing.assert_array_equal(resumed.history["objective"], whole.history["objective"])
    with pytest.raises(SavedRunError, match="belongs to another run"):
        run(crowd(), record=1, checkpoint=tmp_path, participation=5)


def test_states_are_kept_where_one_says(tmp_path: Path) -> None:
    run(crowd(), runtime=Streamed(store=tmp_path / "states"))
    (file,) = (tmp_path / "states").iterdir()
    assert file.stat().st_size == 10 * 3 * 8
    (tmp_path / "not a directory").write_text("")
    with pytest.raises(SavedRunError, match=r"cannot be kept in .*not a directory"):
        run(crowd(), runtime=Streamed(store=tmp_path / "not a directory"))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="files with holes")
def test_only_who_was_asked_takes_space(tmp_path: Path) -> None:
    K, d = 100_000, 1000
    many = accord.problems.generated(lambda k: np.full((1, 1), k % 3.0), np.ones(K, int), panel=10)
    wide = accord.Problem(lambda x, row: ((x - row[0]) ** 2).sum(), many, x0=np.zeros(d))
    method = accord.SCAFFOLD(accord.GradientDescent(1, 0.1))
    accord.run(wide, method, participation=5, runtime=Streamed(store=tmp_path), stop=accord.Stop(rounds=3, progress=0))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size == K * d * 8
    assert file.stat().st_blocks * 512 < 2 * 15 * 3 * 4096


def test_what_is_wrong_with_a_cohort_s_data_is_said_when_it_is_fetched() -> None:
    def spoilt(k: int) -> Any:
        features, targets = shard(k)
        return (features * np.nan, targets) if k == 3 else (features, targets)

    with pytest.raises(DataError, match="Agent 3: features holds a value that is NaN"):
        run(problem(accord.problems.generated(spoilt, SIZES)))


def test_what_needs_all_data_is_refused() -> None:
    with pytest.raises(ProblemError, match="all of them at once"):
        crowd().solve()
    with pytest.raises(AccordError):
        accord.run(crowd(), accord.GradientTracking(0.1), network=accord.networks.ring(10))


def test_a_step_size_is_chosen_from_a_few_and_the_run_says_so() -> None:
    found = run(crowd(panel=5), accord.FedSGD())
    assert any("of 5 agents drawn of 10" in setting for setting in found.facts.settings)
