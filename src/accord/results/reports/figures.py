"""Pictures of what happened, drawn on figures of their own: no window, and no state that programs share.

Colours are Okabe and Ito's, distinguished by readers who see fewer of them; lines are labelled where they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from accord.core.formatting import count, number, power
from accord.results.run import Run, data_size

INK, FAINT, RULE = "#20262b", "#7a848c", "#e4e7ea"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#b0588b", "#9a7400")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))  # when there are more lines than colours


class Panel(NamedTuple):
    """One quantity against rounds."""

    title: str
    values: np.ndarray
    limit: float | None = None  # under which it counts as small enough


def panels(run: Run, optimum: float | None = None) -> tuple[Panel, ...]:
    """Return the panels of a run: how far the objective is, how fast it moves, how far apart the agents are."""
    history, limits = run.history, run.facts.limits
    objective = history["objective"].to_numpy()
    if optimum is not None:
        far = Panel("Objective: distance to the optimum", np.abs(objective - optimum))
    elif run.facts.pattern == "prices":
        far = Panel("Cost: distance to its lower bound", np.abs(history["gap"].to_numpy()))
    else:
        far = Panel("Objective above the best seen", objective - np.nanmin(objective))
    moved = Panel("Progress: change of the objective a round", np.abs(history["progress"].to_numpy()), limits[0])
    words = "Violation of what is shared" if run.facts.pattern == "prices" else "Disagreement of the agents"
    return far, moved, Panel(words, history["disagreement"].to_numpy(), limits[1])


def plain(figure: Figure) -> Figure:
    """The figure with its texts as they stand: a `$` in a name begins no mathematics."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # pyright: ignore[reportAttributeAccessIssue]
    return figure


def run_figure(run: Run, optimum: float | None = None) -> Figure:
    """Objective, progress and disagreement (violation, for prices) against rounds; logarithmic where they are positive.

    - `optimum`: F at the centralised answer; the best objective seen stands in for it where it is not known.
    """
    shown = panels(run, optimum)
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(shown)), shown, strict=True):
        draw(axes, run.history["round"].to_numpy(), panel)
    return figure


def panel_figure(run: Run, panel: Panel) -> Figure:
    """Draw one panel alone."""
    figure = Figure(figsize=(3.5, 2.6), layout="constrained")
    draw(figure.subplots(), run.history["round"].to_numpy(), panel)
    return figure


def comparison_figure(runs: Mapping[str, Run], optimum: float) -> Figure:
    """Draw how far the objective of each run is from `optimum`: against rounds, bytes and gradients.

    Where a virtual clock ran beside all of them, simulated seconds stand in the place of rounds.

    - `optimum`: F at the centralised answer.
    - `runs`: by the names that stand beside their lines. The three panels share their vertical axis, so that a line
      ends at one height in all of them, and is named once.
    """
    figure = Figure(figsize=(11, 4.2), layout=ConstrainedLayoutEngine(wspace=0.08))
    axes = figure.subplots(1, 3, sharey=True)
    rounding = 4 * np.finfo(float).eps * max(abs(optimum), 1e-300)
    ends, costs = {}, _costs(runs)
    for i, (name, run) in enumerate(runs.items()):
        gap = np.abs(run.history["objective"].to_numpy() - optimum)
        gap = np.where(gap > rounding, gap, np.nan)
        ends[name] = (_line(axes, run, gap, i, costs), SERIES[i % len(SERIES)])
    for one, (column, format_count) in zip(axes, costs.items(), strict=True):
        framed(one, xlabel=TITLES[column])
        one.xaxis.set_major_formatter(FuncFormatter(lambda value, _, text=format_count: text(value) if value else "0"))
        one.set_xlim(0, max(float(run.history[column].iloc[-1]) for run in runs.values()))
    logarithmic(axes[0], np.concatenate([line.get_ydata() for line, _ in ends.values()]))
    axes[0].set_title("Distance of the objective to the centralised optimum", **TITLE)
    _name_ends(axes[-1], ends)
    return figure


def _costs(runs: Mapping[str, Run]) -> dict[str, Callable[[float], str]]:
    """Return the columns in which the cost of runs is measured, each with the function that writes it."""
    timed = all("clock" in run.history for run in runs.values())
    return {"clock" if timed else "round": count, "bytes": data_size, "gradients": count}


TITLES = {
    "round": "rounds",
    "clock": "simulated seconds",
    "bytes": "bytes sent by all",
    "gradients": "gradients an agent",
}
TITLE: dict[str, Any] = {"loc": "left", "fontsize": 10, "color": INK, "pad": 10}


def draw(axes: Axes, rounds: np.ndarray, panel: Panel) -> None:
    """Draw one panel on its axes: the line, where it ends in numbers, and the limit it should fall below."""
    values = panel.values
    log = logarithmic(axes, values)
    line = thinned(rounds, np.where(values > 0, values, np.nan) if log else values)
    axes.plot(*line, color=SERIES[0], linewidth=1.8)
    framed(axes, xlabel="rounds")
    axes.set_xlim(0, max(rounds[-1], 1))
    if not log and len(distinct := set(values[np.isfinite(values)])) < 2:
        axes.yaxis.set_major_locator(FixedLocator(list(distinct)))  # constant: one line, one number
        if not distinct:
            axes.text(
                0.5, 0.5, "too few rounds to tell", transform=axes.transAxes, ha="center", fontsize=9, color=FAINT
            )
    axes.set_title(panel.title, **TITLE)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    known = np.flatnonzero(np.isfinite(values) & ((values > 0) | (not log)))
    if len(known):
        end = (rounds[known[-1]], values[known[-1]])
        axes.plot(*end, "o", color=SERIES[0], markersize=4.5, clip_on=False)
        words = number(float(end[1]), 2) if known[-1] == len(values) - 1 else ""
        axes.annotate(
            words,
            end,
            (7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=SERIES[0],
            annotation_clip=False,
        )
    if log and panel.limit:
        axes.axhline(panel.limit, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"limit {number(panel.limit, 2)}",
            (0, panel.limit),
            (4, 4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=8.5,
            color=FAINT,
        )


def thinned(rounds: np.ndarray, values: np.ndarray, most: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Return at most so many points of a line that look the same: of every stretch the extremes, and the ends.

    >>> [part.tolist() for part in thinned(np.arange(9), np.array([0, 1, 9, 1, 2, 1, 0, -5, 3]), most=6)]
    [[0, 2, 7, 8], [0, 9, -5, 3]]
    """
    count = len(values)
    if count <= most:
        return rounds, values
    length = -(-count // ((most - 2) // 2))  # of a stretch
    padded = np.append(values.astype(float), np.full(-count % length, np.nan)).reshape(-1, length)
    starts = np.arange(len(padded)) * length
    low, high = (np.argmin(np.where(np.isnan(padded), np.inf, sign * padded), 1) + starts for sign in (1, -1))
    kept = np.unique(np.concatenate([[0, count - 1], low, high]))
    kept = kept[kept < count]
    return rounds[kept], values[kept]


def _line(axes: Any, run: Run, gap: np.ndarray, i: int, costs: Iterable[str]) -> Any:
    """The same line in all panels, with a dot where it ends; the last panel's line."""
    colour, dash = SERIES[i % len(SERIES)], DASHES[i // len(SERIES) % len(DASHES)]
    known = np.flatnonzero(np.isfinite(gap))
    line = None
    for one, column in zip(axes, costs, strict=True):
        cost = run.history[column].to_numpy()
        (line,) = one.plot(*thinned(cost, gap), color=colour, linestyle=dash, linewidth=1.8)
        one.plot(cost[known[-1:]], gap[known[-1:]], "o", color=colour, markersize=4.5, clip_on=False)
    return line


def _name_ends(axes: Axes, ends: Mapping[str, tuple[Any, str]]) -> None:
    """Names at the right, each at the height where its line ends, moved apart where they would touch."""
    named = []
    for name, (line, colour) in ends.items():
        heights = line.get_ydata()[np.isfinite(line.get_ydata())]
        if len(heights):
            place = axes.transData.transform((axes.get_xlim()[1], heights[-1]))
            named.append((float(axes.transAxes.inverted().transform(place)[1]), name, colour))
    named.sort()
    for height, (_, name, colour) in zip(apart([n[0] for n in named], 0.06), named, strict=True):
        axes.annotate(
            name,
            (1, height),
            (10, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )


def apart(places: list[float], least: float) -> list[float]:
    """Ascending places moved as little as keeps neighbours `least` apart, from below upwards.

    >>> apart([0.1, 0.12, 0.5], 0.06)
    [0.1, 0.16, 0.5]
    """
    out: list[float] = []
    for place in places:
        out.append(max(place, out[-1] + least) if out else place)
    return out


def framed(axes: Axes, xlabel: str) -> None:
    """Quiet axes against a count."""
    quiet(axes, xlabel)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 2.5, 5, 10]))


def quiet(axes: Axes, xlabel: str = "", title: str = "", rules: Literal["x", "y"] = "y") -> None:
    """Keep one axis line and faint rules; what the horizontal axis means beneath its right end, a title at the left."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.grid(axis=rules, color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=8.5, length=0, pad=5)
    if xlabel:
        axes.set_xlabel(xlabel, fontsize=9, color=FAINT, loc="right")
    if title:
        axes.set_title(title, **TITLE)


def logarithmic(axes: Axes, values: np.ndarray) -> bool:
    """A logarithmic scale where positive values span a power of ten; returns whether they do."""
    positive = values[np.isfinite(values) & (values > 0)]
    if len(positive) < 2 or positive.max() < 10 * positive.min():
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2)))
        return False
    axes.set_yscale("log")
    low, high = np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max()))
    step = max(1, int(np.ceil((high - low) / 5)))
    axes.yaxis.set_major_locator(FixedLocator(10.0 ** np.arange(low, high + step, step)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(round(np.log10(value)))))
    return True
