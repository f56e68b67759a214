"""The picture of a sweep: what each value left of the way down, and the way of every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullLocator

from accord.core.formatting import count
from accord.results.reports.figures import FAINT, INK, SERIES, TITLE, apart, framed, logarithmic, quiet
from accord.results.run import Run

NOTHING = 1e-6  # of the way down: what is left of it counts as nothing
SHADES = LinearSegmentedColormap.from_list("values", ["#bcd9ea", SERIES[0], "#0b2e47"])  # from the least value upwards


def sweep_figure(values: Sequence[Mapping[str, Any]], runs: Sequence[Run], best: int | None) -> Figure:
    """Draw what every value left of the way down, and the way of every run; the best one stands out."""
    figure = Figure(figsize=(11, 4.0), layout=ConstrainedLayoutEngine(wspace=0.08))
    ends, ways = figure.subplots(1, 2, sharey=True)
    left = remaining(runs)
    logarithmic(ends, np.concatenate([*left, [1.0]]))
    ends.set_ylim(0.2 * min(one.min() for one in left), 1.6)
    _ends(ends, values, [float(one[-1]) for one in left], best)
    shades = SHADES(np.linspace(0, 1, len(runs)))
    for i in sorted(range(len(runs)), key=lambda i: i == best):
        colour, width = (SERIES[1], 2.4) if i == best else (shades[i], 1.2)
        ways.plot(runs[i].history["round"], left[i], color=colour, linewidth=width)
    framed(ways, xlabel="rounds")
    ways.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    ways.set_xlim(0, max(max(run.rounds for run in runs), 1))
    ways.set_title("The way of every run, darker as values rise", **TITLE)
    return figure


def remaining(runs: Sequence[Run]) -> list[np.ndarray]:
    """(F − F_low)/(F_start − F_low) at every record, between 1e-6 and 1: what is left of the way down.

    F_low is the lowest objective of all runs. Where agents share a constraint it is the violation that goes down, to 0.
    """
    column = "violation" if runs[0].facts.pattern == "prices" else "objective"
    heights = [run.history[column].to_numpy() for run in runs]
    low = 0.0 if column == "violation" else min(np.nanmin(height) for height in heights)
    way = max(float(heights[0][0]) - low, np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        return [np.clip(np.nan_to_num((height - low) / way, nan=1.0, posinf=1.0), NOTHING, 1.0) for height in heights]


def _ends(axes: Axes, values: Sequence[Mapping[str, Any]], left: Sequence[float], best: int | None) -> None:
    """Draw where the runs ended, against the first hyper-parameter, a line for each combination of the others."""
    name, *others = values[0]
    along = [value[name] for value in values]
    number = all(isinstance(value, int | float | np.number) for value in along)
    places = np.array(along, float) if number else np.array([along.index(value) for value in along], float)
    groups: dict[str, list[int]] = {}
    for i, value in enumerate(values):
        groups.setdefault(", ".join(f"{other.replace('_', ' ')} {value[other]}" for other in others), []).append(i)
    names = []
    for word, group in groups.items():
        order = sorted(group, key=lambda i: places[i])
        axes.plot(places[order], [left[i] for i in order], "o-", color=SERIES[0], markersize=4, linewidth=1.2)
        names.append((axes.transLimits.transform((0, np.log10(left[order[-1]])))[1], word))
    names.sort()
    for height, (_, word) in zip(apart([name[0] for name in names], 0.06), names, strict=True):
        axes.annotate(
            word,
            (1, height),
            (4, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=FAINT,
            annotation_clip=False,
        )
    worse = [i for i in range(len(values)) if left[i] == 1.0]
    axes.plot(places[worse], np.ones(len(worse)), "X", color=INK, markersize=7, clip_on=False)
    if best is not None:
        axes.plot(places[best], left[best], "o", color=SERIES[1], markersize=8, clip_on=False)
        axes.annotate(
            "best",
            (places[best], left[best]),
            (0, -13),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            color=SERIES[1],
            annotation_clip=False,
        )
    quiet(axes, name.replace("_", " "), "What is left of the way down, by value; ✕ nothing gained")
    if number and places.min() > 0 and places.max() > 10 * places.min():
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    elif not number:
        axes.set_xticks(range(len(along)), [str(value) for value in along])
