"""An agent alone, who has nobody to agree with, finds its own optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord

ALONE = accord.networks.complete(1)


@pytest.mark.parametrize(
    "method", [accord.EdgeADMM(), accord.DecentralizedADMM(), accord.DLM()], ids=lambda method: type(method).__name__
)
def test_a_method_that_divides_by_neighbours_has_an_answer_without_any(method: Any) -> None:
    problem = accord.problems.quadratic([[2.0, 1.0]], [[1.0, -1.0]])
    run = accord.run(problem, method, network=ALONE, stop=accord.Stop(rounds=200))
    np.testing.assert_allclose(run.x, [1.0, -1.0], atol=1e-6)
