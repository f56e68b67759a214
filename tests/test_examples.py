"""The examples do what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import accord

ONE_FILE = Path(__file__).parents[1] / "examples" / "one_file.py"


def test_one_file_says_that_agents_find_what_all_rows_give(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ONE_FILE), run_name="__main__")
    held, pooled = (words.split("]")[0] for words in capsys.readouterr().out.split("[")[1:])
    assert np.allclose(np.fromstring(held, sep=" "), np.fromstring(pooled, sep=" "), atol=1e-5)


def test_one_file_walks_as_the_package_does() -> None:
    one = runpy.run_path(str(ONE_FILE))
    problem = accord.problems.least_squares(list(zip(one["rows"], one["targets"], strict=True)))
    run = accord.run(
        problem,
        accord.GradientTracking(0.05),
        network=accord.networks.from_weights(one["W"]),
        stop=accord.Stop(rounds=30),
    )
    g = one["gradients"](np.zeros((5, 2)))
    state = one["State"](np.zeros((5, 2)), g, g)
    for _ in range(30):
        state = one["round_of"](state, 0.05)
    assert np.abs(np.array(run.agents) - state.x).max() < 1e-12
