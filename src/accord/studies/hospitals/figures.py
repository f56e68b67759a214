"""Pictures of the hospitals: estimates with their intervals, one row a hospital."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from accord.results.reports.figures import FAINT, INK, RULE, SERIES, apart, quiet
from accord.studies.hospitals.models import ALONE, BASE, PERSONAL, TOGETHER
from accord.studies.hospitals.validation import Estimate

COLOURS = {ALONE: SERIES[0], TOGETHER: SERIES[1], PERSONAL: SERIES[2], BASE: SERIES[3]}
ENDS: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 9.5, "annotation_clip": False}


def estimates(
    panels: Mapping[str, Mapping[str, Sequence[Estimate]]], hospitals: Sequence[str], marks: Mapping[str, float]
) -> Figure:
    """Panels by title, in each the estimates of every hospital by what is estimated; `marks`: a line in each panel."""
    figure = Figure(figsize=(11, 0.9 + 0.85 * len(hospitals)), layout=ConstrainedLayoutEngine(wspace=0.06))
    for i, (axes, (title, kinds)) in enumerate(zip(figure.subplots(1, len(panels), sharey=True), panels.items())):
        axes.axvline(marks[title], color=FAINT, linewidth=1)
        for j, (kind, values) in enumerate(kinds.items()):
            _row_of(axes, values, 0.2 * (j - (len(kinds) - 1) / 2), COLOURS[kind], kind if i == 0 else None)
        quiet(axes, title=title, rules="x")
        axes.spines["bottom"].set_visible(False)
        axes.set_yticks(range(len(hospitals)), hospitals, fontsize=10, color=INK)
    axes.set_ylim(len(hospitals) - 0.5, -0.5)
    figure.legend(
        loc="outside lower left",
        ncols=4,
        frameon=False,
        fontsize=9.5,
        labelcolor="linecolor",
        handlelength=1.2,
        columnspacing=1.6,
    )
    return figure


def _row_of(axes: Axes, values: Sequence[Estimate], shift: float, colour: str, label: str | None) -> None:
    for k, value in enumerate(values):
        axes.plot([value.low, value.high], [k + shift] * 2, color=colour, linewidth=1.6, alpha=0.55)
    known = [(value.value, k + shift) for k, value in enumerate(values) if not np.isnan(value.low)]
    axes.plot(*zip(*known, strict=True), "o", color=colour, markersize=5.5, label=label)


def calibration(
    observed: Sequence[Estimate], predicted: Mapping[str, Sequence[float]], hospitals: Sequence[str]
) -> Figure:
    """Draw how many fell ill, with the interval, beside how many each model predicted."""
    figure = Figure(figsize=(7.5, 0.9 + 0.6 * len(hospitals)), layout="constrained")
    axes = figure.subplots()
    for k, share in enumerate(observed):
        axes.plot([share.low, share.high], [k, k], color=RULE, linewidth=9, solid_capstyle="round")
        axes.plot(share.value, k, "|", color=INK, markersize=15, markeredgewidth=2, label=None if k else "fell ill")
    for i, (kind, shares) in enumerate(predicted.items()):
        places = np.arange(len(shares)) + 0.14 * (i - (len(predicted) - 1) / 2)
        axes.plot(shares, places, "o", color=COLOURS[kind], markersize=6, label=f"foretold, {kind}")
    quiet(axes, title="Share of patients, and its 95 % interval", rules="x")
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks(range(len(hospitals)), hospitals, fontsize=10, color=INK)
    axes.set_ylim(len(hospitals) - 0.5, -0.5)
    axes.set_xlim(0, 0.5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9.5, labelcolor="linecolor")
    return figure


def weights(columns: Sequence[str], models: Mapping[str, np.ndarray]) -> Figure:
    """Draw the weights of several models: one row a column; how far alone and together are apart."""
    figure = Figure(figsize=(8.5, 0.9 + 0.33 * len(columns)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color=FAINT, linewidth=1)
    axes.hlines(range(len(columns)), models[ALONE], models[TOGETHER], color=RULE, linewidth=3)
    for kind, values in models.items():
        axes.plot(values, range(len(columns)), "o", color=COLOURS[kind], markersize=6, label=kind)
    quiet(axes, title="Change of the log-odds for one standard deviation more", rules="x")
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks(range(len(columns)), columns, fontsize=10, color=INK)
    axes.set_ylim(len(columns) - 0.5, -0.5)
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9.5, labelcolor="linecolor")
    return figure


def pulls(values: Sequence[float], curves: Mapping[str, Sequence[float]]) -> Figure:
    """A line a hospital: the loss on patients not seen, less that of its own model, from one's own to the common."""
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(values) + 2)
    axes.axhline(0, color=FAINT, linewidth=1)
    ends = []
    for i, (hospital, losses) in enumerate(curves.items()):
        colour = (SERIES[4], SERIES[3], INK)[i % 3]  # the others mean models
        axes.plot(places, losses, "-o", color=colour, linewidth=1.8, markersize=4.5)
        ends.append((losses[-1], hospital, colour))
    quiet(
        axes,
        xlabel="λ, which holds a hospital's model near the common one",
        title="Loss on patients not seen, less that of the hospital's own model",
    )
    axes.set_xticks(places, ["alone", *(f"{value:g}" for value in values), "common"])
    low, high = axes.get_ylim()
    heights = apart(sorted(end[0] for end in ends), 0.065 * (high - low))
    for height, (_, hospital, colour) in zip(heights, sorted(ends), strict=True):
        axes.annotate(hospital, (places[-1], height), (10, 0), color=colour, **ENDS)
    return figure
