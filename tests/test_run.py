"""The one door: what a run does, records and tells."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.problems import quadratic
from accord.runtimes import Threads, Vectorised

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
RING = accord.networks.ring(4)
ONCE = accord.Stop(rounds=1, progress=0)
FOREVER = accord.Stop(rounds=10**9, progress=0)
GRADIENTS = H * (0 - C)  # of every agent, at the start
A = 0.1


def descend(**how: Any) -> accord.Run:
    return accord.run(quadratic(H, C), accord.FedSGD(A), **{"stop": ONCE, **how})


# what is recorded


def test_the_history_holds_the_named_columns_and_begins_at_the_start() -> None:
    run = descend(stop=accord.Stop(rounds=30, progress=0))
    assert list(run.history) == [
        "round",
        "objective",
        "progress",
        "disagreement",
        "worst",
        "messages",
        "bytes",
        "gradients",
        "seconds",
        "residual",
    ]
    assert run.history["round"].tolist() == list(range(31))
    assert run.history["objective"][0] == pytest.approx((H * C**2).mean() / 2)
    assert run.history["worst"][0] == pytest.approx((H * C**2).max() / 2)
    assert run.history["seconds"].is_monotonic_increasing


def test_progress_is_the_decrease_a_round_over_the_window() -> None:
    run = descend(stop=accord.Stop(rounds=30, progress=0, window=4))
    objective, progress = run.history["objective"].to_numpy(), run.history["progress"].to_numpy()
    assert np.isnan(progress[:4]).all()
    np.testing.assert_allclose(progress[4:], (objective[:-4] - objective[4:]) / 4, rtol=1e-12)


def test_prices_have_columns_of_their_own() -> None:
    market = accord.problems.dispatch([0.004, 0.006], [5.3, 5.5], [500, 400], None, None, 600)
    run = accord.run(market, accord.DualDecomposition(), stop=ONCE)
    assert list(run.history)[-3:] == ["violation", "dual_value", "gap"]
    np.testing.assert_allclose(run.history["gap"], run.history["objective"] - run.history["dual_value"], rtol=1e-12)
    assert run.prices.shape == (1,)
    assert run.x.shape == (2, 1)


@pytest.mark.parametrize(
    ("method", "how", "messages", "size", "gradients"),
    [
        (accord.FedSGD(A), {}, 2 * 4, 8, 1.0),
        (accord.FedSGD(A), {"participation": 2}, 2 * 2, 8, 0.5),
        (accord.FedSGD(A), {"participation": 0.5}, 2 * 2, 8, 0.5),
        (accord.DGD(), {"network": RING}, 8, 8, 1.0),
        (accord.DGD(), {"network": accord.networks.path(4)}, 6, 8, 1.0),
        (accord.GradientTracking(), {"network": RING}, 8, 16, 1.0),
    ],
)
def test_messages_bytes_and_gradients_are_counted(
    method: Any, how: dict[str, Any], messages: int, size: int, gradients: float
) -> None:
    """A number is 8 bytes, two where a tracker goes with the model; gradients are an agent's on average."""
    run = accord.run(quadratic(H, C), method, stop=accord.Stop(rounds=3, progress=0), **how)
    last = run.history.iloc[-1]
    assert last["messages"] == 3 * messages
    assert last["bytes"] == 3 * messages * size
    assert last["gradients"] == pytest.approx(3 * gradients)


def test_minibatches_cost_their_part_of_a_gradient() -> None:
    rows = [(np.ones((n, 1)), np.arange(n, dtype=float)) for n in (10, 40)]
    method = accord.FedAvg(accord.SGD(steps=5, batch_size=2, step_size=A))
    run = accord.run(accord.problems.least_squares(rows), method, stop=ONCE, runtime=Vectorised(devices=1))
    assert run.history["gradients"].iloc[-1] == pytest.approx((5 * 2 / 10 + 5 * 2 / 40) / 2)


@pytest.mark.parametrize("record", [1, 4, 10, 100])
def test_record_sets_the_rounds_between_two_records_and_changes_nothing_else(record: int) -> None:
    method, stop = accord.DGD(A), accord.Stop(rounds=25, progress=0)
    run = accord.run(quadratic(H, C), method, network=RING, stop=stop, record=record)
    assert run.history["round"].tolist() == sorted({*range(0, 26, record), 25})
    # A round in line with its record shares a forward pass with it, which a compiler may round otherwise.
    apart = abs(float(run.x - accord.run(quadratic(H, C), method, network=RING, stop=stop).x))
    assert apart <= (4 * np.finfo(float).eps * abs(float(run.x)) if record == 1 else 0)


# who takes part, and how replies are put together


@pytest.mark.parametrize("rule", [None, accord.aggregation.CohortMean()])
def test_a_cohort_is_drawn_afresh_each_round_and_weighed_by_how_it_was_drawn(rule: Any) -> None:
    """By p_k and then alike, p_k/π_k = 1/2; or alike and then by p_k."""
    p = np.array([0.1, 0.2, 0.3, 0.4])
    count = np.ones(4) if rule is None else p
    found = set()
    for seed in range(12):
        how = {"participation": 2, "stop": ONCE, "seed": seed, "aggregate": rule}
        run = accord.run(quadratic(H, C, weights=p), accord.FedSGD(A), **how)
        pairs = combinations(range(4), 2)
        steps = {ks: -A * count[[*ks]] @ GRADIENTS[[*ks]] / count[[*ks]].sum() for ks in pairs}
        [ks] = [ks for ks, step in steps.items() if run.x == pytest.approx(step, abs=1e-8)]  # in chances of 2⁻³⁰
        found.add(ks)
    assert len(found) > 3


def test_a_cohort_without_weight_changes_nothing() -> None:
    problem = quadratic(H, C, weights=[0, 0, 0, 1.0])
    for rule, rounds in ((None, 40), (accord.aggregation.CohortMean(), 120)):
        stop = accord.Stop(rounds=rounds, progress=0)
        run = accord.run(problem, accord.FedSGD(1 / 3), participation=1, aggregate=rule, stop=stop)
        assert run.x == pytest.approx(6.0, abs=1e-12)
        assert np.isfinite(run.history["objective"]).all()


@dataclass(frozen=True)
class Median:
    """The middle of the replies, whatever they weigh."""

    def __call__(self, replies: Any, share: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.median(leaf, axis=0), replies)


def test_an_aggregate_sees_every_reply() -> None:
    run = descend(aggregate=Median())
    assert run.x == pytest.approx(-A * np.median(GRADIENTS), abs=1e-12)


def test_mean_and_sum_weigh_a_cohort_among_itself_or_not() -> None:
    """Σ p_k g_k / Σ p_k over who answered, or Σ p_k g_k."""
    mean, total = (float(descend(aggregate=rule, participation=2).x) for rule in ("mean", "sum"))
    assert mean == pytest.approx(2 * total, abs=1e-12)
    assert float(descend(aggregate="mean").x) == float(descend().x)


# what happens to a message


def test_a_clipped_reply_is_as_long_as_the_bound() -> None:
    bound = 5.0
    run = descend(channel=accord.clip(bound))
    assert run.x == pytest.approx(-A * np.clip(GRADIENTS, -bound, bound).mean(), abs=1e-12)


def test_noise_has_the_variance_that_was_asked_for_and_is_drawn_anew_for_each() -> None:
    d, scale = 4000, 0.5
    problem = quadratic(np.ones((4, d)), np.zeros((4, d)))
    first, second = (
        accord.run(problem, accord.FedSGD(A), channel=accord.gaussian_noise(scale), stop=ONCE, seed=seed).x
        for seed in (0, 1)
    )
    expected = (A * scale) ** 2 * 4 / 16  # a² σ² Σ p_k²: four independent draws
    assert np.mean(first**2) == pytest.approx(expected, rel=0.1)
    assert np.mean((first - second) ** 2) == pytest.approx(2 * expected, rel=0.1)


def test_peers_hear_what_the_channel_made_of_a_message_and_keep_their_mean() -> None:
    """Everybody mixes noisy words, yet the mean of the models is that of a run without noise."""
    problem, still = quadratic(np.full(4, 1.0), C), accord.Stop(rounds=10, progress=0)
    clear, noisy = (
        accord.run(problem, accord.DGD(A), network=RING, channel=channel, stop=still)
        for channel in (None, accord.gaussian_noise(0.5))
    )
    assert noisy.x == pytest.approx(clear.x, abs=1e-12)
    assert np.abs(np.subtract(noisy.agents, clear.agents)).max() > 0.05


# precision


@pytest.mark.parametrize("runtime", [Vectorised(), Threads()], ids=lambda runtime: type(runtime).__name__)
def test_float32_in_is_float32_out_at_half_the_bytes(runtime: Any) -> None:
    run = descend(x0=np.float32(0), runtime=runtime)
    assert run.x.dtype == run.agents[0].dtype == np.float32
    assert run.history["bytes"].iloc[-1] == 4 * 8
    assert run.x == pytest.approx(-A * GRADIENTS.mean(), rel=1e-6)


@pytest.mark.parametrize("start", [np.float64(0), 0.0, 0], ids=repr)
def test_float64_in_or_a_plain_number_is_float64_out(start: Any) -> None:
    run = descend(x0=start)
    assert run.x.dtype == np.float64
    assert run.x == pytest.approx(-A * GRADIENTS.mean(), rel=1e-14)


# between blocks: news, limits, interruption


def test_notify_is_told_where_the_run_stands_between_blocks() -> None:
    told = []
    run = descend(stop=accord.Stop(rounds=100, progress=0), notify=told.append)
    rounds = [status.round for status in told]
    assert rounds == sorted(rounds)
    assert rounds[-1] == run.rounds == told[0].rounds == 100
    assert told[-1].objective == run.history["objective"].iloc[-1]
    assert len(set(rounds)) > 3


def test_what_notify_raises_ends_the_run_and_is_raised() -> None:
    def refuse(status: Any) -> None:
        raise LookupError(f"at round {status.round}")

    with pytest.raises(LookupError, match="at round 1"):
        descend(notify=refuse)


@pytest.fixture
def ctrl_c() -> Iterator[Any]:
    """A notify that, once the run is under way, has another thread send SIGINT; the handler is put back in any case."""
    before = signal.getsignal(signal.SIGINT)
    threads: list[threading.Thread] = []

    def notify(status: Any) -> None:
        if not threads:
            threads.append(threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)))
            threads[0].start()
            threads[0].join()

    yield notify
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("runtime", [Vectorised(), Threads()], ids=lambda runtime: type(runtime).__name__)
def test_fault_53_ctrl_c_ends_the_run_at_the_end_of_a_block_and_it_still_reports(ctrl_c: Any, runtime: Any) -> None:
    before = signal.getsignal(signal.SIGINT)
    run = descend(stop=FOREVER, notify=ctrl_c, runtime=runtime)
    assert run.reason == "was interrupted"
    assert not run.converged
    assert run.rounds == run.history["round"].iloc[-1] > 0
    assert "was interrupted" in str(run)
    assert signal.getsignal(signal.SIGINT) is before


def test_fault_53_a_second_ctrl_c_interrupts_at_once() -> None:
    def twice(status: Any) -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        descend(stop=FOREVER, notify=twice)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_in_another_thread_leaves_signals_alone() -> None:
    runs: list[accord.Run] = []
    thread = threading.Thread(target=lambda: runs.append(descend()))
    thread.start()
    thread.join()
    assert runs[0].rounds == 1


def test_seconds_are_a_limit_of_time() -> None:
    started = time.monotonic()
    run = descend(stop=accord.Stop(rounds=10**9, progress=0, seconds=0.3))
    assert run.reason == "stopped at its limit of 0.3 seconds"
    assert 0.3 <= time.monotonic() - started < 10


def test_what_is_measured_stands_in_the_history_beside_the_record_it_belongs_to() -> None:
    problem = accord.problems.quadratic(H=[1.0, 1.0], c=[0.0, 2.0])
    network, stop = accord.networks.complete(2), accord.Stop(rounds=7, progress=0.0)

    def measure(now: Any) -> dict[str, float]:
        return {"round seen": now.round, "apart": np.ptp(now.agents), "loss": 0.5 * (now.x**2 + (now.x - 2) ** 2) / 2}

    run = accord.run(problem, accord.DGD(0.1), 5.0, network=network, stop=stop, record=3, measure=measure)
    assert run.history["round"].tolist() == run.history["round seen"].tolist() == [0, 3, 6, 7]
    np.testing.assert_allclose(run.history["loss"], run.history["objective"], rtol=1e-12)
    np.testing.assert_allclose(run.history["apart"] ** 2 / 4, run.history["disagreement"], atol=1e-15)
    assert run.history.columns[-3:].tolist() == ["round seen", "apart", "loss"]


def test_what_is_measured_does_not_change_the_run_nor_take_the_name_of_a_column() -> None:
    problem = accord.problems.quadratic(H=[1.0, 2.0], c=[0.0, 2.0])
    plain = accord.run(problem, accord.FedSGD())
    measured = accord.run(problem, accord.FedSGD(), measure=lambda now: {"x": now.x})
    assert measured.history["objective"].tolist() == plain.history["objective"].tolist()
    with pytest.raises(accord.errors.MethodError, match="'worst', which the history has already"):
        accord.run(problem, accord.FedSGD(), measure=lambda now: {"worst": 0.0})


def test_a_run_of_many_blocks_is_compiled_once() -> None:
    from accord.runtimes.vectorised import _block

    problem = accord.problems.quadratic(H=[1.0, 2.0, 5.0], c=[0.0, 1.0, 2.0])
    before = _block(problem.loss)._cache_size()
    accord.run(problem, accord.FedSGD(0.01), stop=accord.Stop(rounds=60, progress=0.0), record=7)
    assert _block(problem.loss)._cache_size() == before + 1
