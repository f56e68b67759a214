"""The same numbers wherever a run happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accord import runtimes
from tests.contract.knobs import noisy, sampling
from tests.contract.worlds import world_of

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
BY_THEMSELVES = ("Ray", "Streamed", "Timed")  # tests/runtimes has their own
ELSEWHERE = [getattr(runtimes, name) for name in runtimes.__all__ if name not in BY_THEMSELVES]


@pytest.mark.parametrize("place", ELSEWHERE, ids=lambda place: place.__name__)
def test_every_runtime_gives_the_same_numbers(waiting_kind: Any, place: Any) -> None:
    same_everywhere(waiting_kind, place)


def test_a_clock_changes_no_number(shape_kind: Any) -> None:
    same_everywhere(shape_kind, runtimes.Timed)


def test_where_nobody_waits_no_clock_is_a_clock_of_one_second_each(hurried_kind: Any) -> None:
    """On a real engine the order of arrivals is the engine's own; what is reached there is tested with it."""
    same_everywhere(hurried_kind, runtimes.Timed)


def same_everywhere(kind: Any, place: Any) -> None:
    """As random as can be: ragged data tell on padding, sampling and noise on keys, a cohort on who is asked."""
    world, method = world_of(kind), sampling(kind)
    one, other = (
        world.run(method, runtime=where, **noisy(kind)) for where in (runtimes.Vectorised(devices=1), place())
    )
    np.testing.assert_allclose(one.x, other.x, **CLOSE)
    np.testing.assert_allclose(one.agents, other.agents, **CLOSE)
    columns = [
        column for column in one.history if column not in ("seconds", "progress", "gap")
    ]  # differences, of few digits
    np.testing.assert_allclose(one.history[columns], other.history[columns], **CLOSE)
