"""Virtual clocks: what they draw, and what they refuse."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.clocks import Clock, Job, constant, exponential, lognormal, uniform
from accord.engine.records import Elapsed
from accord.errors import ClockError
from accord.runtimes import Timed

DRAWS = 20_000


def jobs(clock: Clock, draw: str = "job") -> Job:
    """Many pieces of work of the second of two agents."""
    pace = clock.for_agents(2, np.float32)
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(1), i))(jnp.arange(DRAWS))
    return jax.tree.map(np.asarray, jax.vmap(lambda key: getattr(pace, draw)(key, 1))(keys))


@pytest.mark.parametrize(
    ("times", "mean", "deviation"),
    [
        (constant([1.0, 3.0]), 3, 0),
        (exponential([1.0, 3.0]), 3, 3),
        (lognormal(3.0, spread=0.5), 3, 3 * np.sqrt(np.expm1(0.25))),
        (lognormal([1.0, 3.0], spread=[2.0, 0.5]), 3, 3 * np.sqrt(np.expm1(0.25))),
        (uniform([0.0, 1.0], 5.0), 3, 4 / np.sqrt(12)),
    ],
)
def test_a_law_has_the_mean_and_the_deviation_that_it_says(times: Any, mean: float, deviation: float) -> None:
    work = jobs(Clock(compute=times)).work
    assert work.mean() == pytest.approx(mean, abs=4 * deviation / np.sqrt(DRAWS) + 1e-6)
    assert work.std() == pytest.approx(deviation, rel=0.05, abs=1e-6)


def test_naps_come_before_work_and_losses_after_as_often_as_it_says() -> None:
    seen = jobs(Clock(compute=1.0, network=0.25, sleep=[0, 0.2], nap=10.0, lose=0.3))
    assert sorted({*np.round(seen.work, 4).tolist()}) == [1.0, 11.0]
    assert (seen.work > 2).mean() == pytest.approx(0.2, abs=0.012)
    assert seen.lost.mean() == pytest.approx(0.3, abs=0.013)
    assert abs(np.corrcoef(seen.work, seen.lost)[0, 1]) < 0.03
    np.testing.assert_allclose(seen.span, seen.work + 0.25)


def test_what_is_waited_for_is_done_again_until_it_is_heard() -> None:
    """Each try of one second is lost with a chance of a half: two seconds on average, n with a chance of 2⁻ⁿ."""
    seen = jobs(Clock(lose=0.5), "heard")
    assert not seen.lost.any()
    assert seen.span.mean() == pytest.approx(2, abs=0.04)
    assert (seen.span == 1).mean() == pytest.approx(0.5, abs=0.014)


def test_a_million_short_waits_lose_nothing_in_float32() -> None:
    waited = jax.lax.fori_loop(0, 1_000_000, lambda _, clock: clock.after(jnp.float32(0.01)), Elapsed.none(jnp.float32))
    assert float(waited.seconds) == pytest.approx(1e6 * float(np.float32(0.01)), rel=1e-6)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"compute": [1.0, 0.0]}, "compute times 0 for agent 1. Give positive seconds"),
    ({"compute": exponential([1.0, np.nan])}, "compute times nan for agent 1"),
    ({"network": -1.0}, "network times -1. Give finite seconds"),
    ({"compute": lognormal(1.0, spread=np.inf)}, "a spread of compute times inf"),
    ({"lose": [0.0, 1.0]}, "a chance to lose of 1 for agent 1. Give at least 0 and below 1"),
    ({"sleep": -0.1}, "a chance to sleep of -0.1"),
    ({"sleep": 0.1}, "sleep with a chance of 0.1, but for no time. Give nap"),
    ({"compute": "quick"}, "compute times 'quick'. Give seconds"),
    ({"complete": [1.0, 0.0]}, "a share to complete of 0 for agent 1. Give more than 0, and at most 1"),
    ({"complete": 1.5}, "a share to complete of 1.5"),
    ({"complete": np.nan}, "a share to complete of nan"),
    ({"complete": uniform(0.5, [0.9, 1.1])}, "a share to complete of 1.1 for agent 1"),
    ({"complete": exponential(0.5)}, "law='exponential', spread=0.0). Give a share"),
    ({"complete": "half"}, "complete='half'. Give a share"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[said.split(".")[0] for _, said in WRONG])
def test_fault_21_what_cannot_be_is_refused_with_its_number_and_its_agent(given: Any, said: str) -> None:
    with pytest.raises(ClockError) as refused:
        Clock(**given)
    assert said in str(refused.value)


def test_fault_21_a_uniform_law_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ClockError, match=r"from 0.9 to 0.5 for agent 1\. Give both ends, the lower one first"):
        uniform([0.1, 0.9], 0.5)
    with pytest.raises(ClockError, match="from -1 to 1"):
        uniform(-1.0, 1.0)


def test_fault_9_the_clock_of_other_agents_is_refused_before_anything_starts() -> None:
    problem, clock = accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 1.0, 2.0]), Clock(compute=[1.0, 2.0])
    for method in accord.FedSGD(), accord.AsyncSGD():
        with pytest.raises(ClockError, match="compute for 2 agents, but the problem has 3"):
            accord.run(problem, method, runtime=Timed(clock))
