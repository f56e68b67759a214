"""Pictures show the numbers of the history, and leave nothing behind."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from accord.results.reports.figures import apart, comparison_figure, run_figure
from accord.results.run import Run


def test_the_three_panels_show_the_history(peers: Run) -> None:
    optimum = float(peers.history["objective"].min()) - 1e-3
    lines = [axes.get_lines()[0] for axes in run_figure(peers, optimum).axes]
    for line, values in zip(
        lines,
        (peers.history["objective"] - optimum, peers.history["progress"].abs(), peers.history["disagreement"]),
        strict=True,
    ):
        np.testing.assert_array_equal(line.get_xdata(), peers.history["round"])
        positive = values.to_numpy() > 0
        np.testing.assert_array_equal(np.asarray(line.get_ydata())[positive], values.to_numpy()[positive])


def test_without_an_optimum_the_best_seen_stands_in(server: Run) -> None:
    axes = run_figure(server).axes[0]
    assert axes.get_title("left") == "Objective above the best seen"
    assert (
        np.nanmax(axes.get_lines()[0].get_ydata())
        == server.history["objective"].iloc[0] - server.history["objective"].min()
    )


def test_scales_are_logarithmic_where_values_are_positive(server: Run) -> None:
    assert [axes.get_yscale() for axes in run_figure(server).axes] == [
        "log",
        "log",
        "linear",
    ]  # nobody disagrees: zeros


def test_prices_show_the_distance_to_the_lower_bound_and_the_violation(market: Run) -> None:
    titles = [axes.get_title("left") for axes in run_figure(market).axes]
    assert "lower bound" in titles[0]
    assert "Violation" in titles[2]


def test_the_limits_that_ended_the_run_are_drawn(peers: Run) -> None:
    progress = run_figure(peers).axes[1]
    assert any(list(line.get_ydata()) == [peers.facts.limits[0]] * 2 for line in progress.get_lines())


def test_a_run_of_no_rounds_can_be_drawn(problem: object) -> None:
    import accord

    run = accord.run(problem, accord.FedSGD(0.2), stop=accord.Stop(rounds=0))  # pyright: ignore[reportArgumentType]
    words = [text.get_text() for text in run_figure(run).axes[1].texts]
    assert "too few rounds to tell" in words


def test_a_comparison_measures_from_the_optimum_against_three_costs(server: Run, peers: Run) -> None:
    optimum = 1.0
    axes = comparison_figure({"a": server, "b": peers}, optimum).axes
    for one, column in zip(axes, ("round", "bytes", "gradients"), strict=True):
        lines = [line for line in one.get_lines() if len(np.asarray(line.get_xdata())) > 1]
        for line, run in zip(lines, (server, peers), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), run.history[column])
            np.testing.assert_allclose(line.get_ydata(), np.abs(run.history["objective"] - optimum))
    assert len({one.get_ylim() for one in axes}) == 1
    assert {text.get_text() for text in axes[-1].texts} == {"a", "b"}


def test_a_comparison_does_not_draw_rounding_as_distance(server: Run) -> None:
    optimum = float(server.history["objective"].iloc[-1])
    line = comparison_figure({"a": server}, optimum).axes[0].get_lines()[0]
    assert np.isnan(np.asarray(line.get_ydata())[-1])


def test_names_that_would_touch_are_moved_apart() -> None:
    places = apart([0.1, 0.1, 0.11, 0.9], 0.05)
    assert places == pytest.approx([0.1, 0.15, 0.2, 0.9])


def test_drawing_touches_no_state_that_programs_share(peers: Run) -> None:
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    run_figure(peers).canvas.draw()
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []
