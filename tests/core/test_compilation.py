"""What is compiled for a loss lives as long as the loss: no shorter, no longer."""

from __future__ import annotations

import gc
import resource
import sys
import weakref
from collections.abc import Callable
from subprocess import run
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import accord
from tests.compiling import compilations

RUNS, SETTLED = 20, 8
ROWS = [np.array([[0.0], [2.0]]), np.array([[4.0], [6.0]])]


def written() -> Callable[[Any, Any], Any]:
    """A new function, as a cell of a notebook writes each time it is run: half the squared distance to a row."""
    return lambda x, row: 0.5 * jnp.sum((x - row) ** 2)


def solved(loss: Callable[[Any, Any], Any]) -> float:
    problem = accord.Problem(loss, ROWS, x0=np.zeros(1))
    return float(accord.run(problem, accord.FedSGD(0.5), stop=accord.Stop(rounds=40, progress=0.0)).x[0])


def test_a_second_run_of_the_same_loss_compiles_nothing_and_a_dropped_loss_is_forgotten() -> None:
    loss = written()
    assert solved(loss) == pytest.approx(3.0)
    with compilations() as again:
        assert solved(loss) == pytest.approx(3.0)
    assert again == []
    with compilations() as anew:
        solved(written())
    assert anew
    memory = weakref.ref(loss)
    del loss
    gc.collect()
    assert memory() is None


def test_a_loss_that_takes_the_place_of_a_dropped_one_has_its_own_program() -> None:
    """Two losses of equal structures, one after the other, maybe at one address."""
    assert solved(lambda x, row: 0.5 * jnp.sum((x - row) ** 2)) == pytest.approx(3.0)
    gc.collect()
    assert solved(lambda x, row: 0.5 * jnp.sum((x + row) ** 2)) == pytest.approx(-3.0)


@pytest.mark.slow  # twenty compilations
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_new_losses_run_after_run_keep_less_than_a_megabyte_each() -> None:
    script = "from tests.core.test_compilation import peaks; print(*peaks())"
    done = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    peak = [int(number) for number in done.stdout.split()]
    assert len(peak) == RUNS
    assert peak[-1] - peak[SETTLED - 1] < 1024 * (RUNS - SETTLED)


def peaks() -> list[int]:
    """The most memory that was held so far, in kilobytes, after each of the runs of new losses."""

    def after() -> int:
        solved(written())
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    return [after() for _ in range(RUNS)]
