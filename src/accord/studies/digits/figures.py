"""Pictures of the digits: who has what, who reads how much, and the classical one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from accord.results.reports.figures import INK, SERIES, apart, quiet

if TYPE_CHECKING:
    from accord.studies.digits import Split


def bubbles(counts: Mapping[float, np.ndarray]) -> Figure:
    """A panel a split: a column a client, a row a digit, the area of a dot how many; counts: (clients, digits)."""
    figure = Figure(figsize=(11, 3.0), layout=ConstrainedLayoutEngine(wspace=0.06))
    for axes, (alpha, count) in zip(figure.subplots(1, len(counts), sharey=True), counts.items(), strict=True):
        client, digit = np.nonzero(count)
        axes.scatter(client + 1, digit, s=2.4 * count[client, digit], color=SERIES[0], linewidths=0)
        quiet(axes, "client", f"α = {alpha:g}")
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.set_yticks(range(count.shape[1]))
        axes.set_ylim(count.shape[1] - 0.4, -0.6)
        axes.set_xticks([1, *range(10, len(count) + 1, 10)])
    return figure


def strips(alone: Mapping[float, np.ndarray], together: Mapping[float, float]) -> Figure:
    """A row a split: a dot a client that trained alone, and a mark for the common model."""
    figure = Figure(figsize=(8.4, 0.8 + 0.6 * len(alone)), layout="constrained")
    axes, random = figure.subplots(), np.random.default_rng(0)
    for row, (alpha, shares) in enumerate(alone.items()):
        shaken = row + random.uniform(-0.22, 0.22, len(shares))
        first = row == 0
        axes.scatter(
            shares, shaken, s=22, color=SERIES[0], alpha=0.6, linewidths=0, label="a client alone" if first else None
        )
        axes.plot(
            together[alpha],
            row,
            "|",
            color=SERIES[1],
            markersize=26,
            markeredgewidth=2.5,
            label="all together" if first else None,
        )
    quiet(axes, title="Share of the digits held out that are read rightly", rules="x")
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks(range(len(alone)), [f"α = {alpha:g}" for alpha in alone], fontsize=10, color=INK)
    axes.set_ylim(len(alone) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    figure.legend(
        loc="outside lower left", ncols=2, frameon=False, fontsize=9.5, labelcolor="linecolor", markerscale=0.7
    )
    return figure


def curves(splits: Sequence[Split], lowest: float = 0.6) -> Figure:
    """Accuracy against rounds: a panel a split, a line a method through the middle of its seeds, a band around all."""
    figure = Figure(figsize=(11, 4.0), layout=ConstrainedLayoutEngine(wspace=0.05))
    panels = figure.subplots(1, len(splits), sharey=True)
    for axes, split in zip(panels, splits, strict=True):
        for i, values in enumerate(split.curves.values()):
            axes.fill_between(split.rounds, values.min(0), values.max(0), color=SERIES[i], alpha=0.18, linewidth=0)
            axes.plot(split.rounds, np.median(values, axis=0), color=SERIES[i], linewidth=1.8)
        quiet(axes, "rounds", f"α = {split.alpha:g}")
        axes.set_xlim(0, split.rounds[-1])
        axes.set_ylim(lowest, 1)
    panels[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    ends = sorted(
        (float(np.median(values[:, -1])), name, SERIES[i]) for i, (name, values) in enumerate(splits[-1].curves.items())
    )
    heights = np.array(apart([end[0] for end in ends], 0.022))
    for height, (_, name, colour) in zip(
        heights - (heights.mean() - np.mean([end[0] for end in ends])), ends, strict=True
    ):
        panels[-1].annotate(
            name,
            (split.rounds[-1], height),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )
    return figure
