"""Maps of a grid: its buses where their electrical distances put them, coloured by price; full lines marked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from accord.core.formatting import count, number, power
from accord.problems.instances.power_grid import Grid
from accord.results.reports.figures import FAINT, INK, SERIES, quiet
from accord.results.run import Run

CHEAP_TO_DEAR = LinearSegmentedColormap.from_list(
    "cheap to dear", [SERIES[0], "#8fc3e3", "#ece7dc", "#f0a878", "#c04a00"]
)


def places(grid: Grid) -> np.ndarray:
    """(n, 2): as near to one another as power flows easily (Kamada, Kawai 1989); the longer way lies flat."""
    return np.array(_places(grid.buses, tuple(map(tuple, grid.ends.tolist())), tuple(grid.susceptance.tolist())))


@lru_cache(maxsize=8)
def _places(buses: tuple[str, ...], ends: tuple[Any, ...], susceptance: tuple[float, ...]) -> list[tuple[float, float]]:
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(len(buses)))
    for (i, j), s in zip(ends, susceptance, strict=True):
        graph.add_edge(
            i,
            j,
            length=min(max(abs(s), 1e-9) ** -0.25, graph.edges[i, j]["length"] if graph.has_edge(i, j) else np.inf),
        )
    found = nx.kamada_kawai_layout(graph, weight="length")
    at = np.array([found[i] for i in range(len(buses))])
    at = (at - at.mean(0)) @ np.linalg.svd(at - at.mean(0), full_matrices=False)[2].T
    return [tuple(point) for point in (at / np.abs(at).max(0)).tolist()]


def price_map(grid: Grid, prices: np.ndarray, given: np.ndarray) -> Figure:
    """Buses coloured by price, plants ringed; lines as thick as what they carry, full ones dark and named."""
    figure, axes = _canvas()
    flows = np.abs(grid.flows(given))
    full = np.flatnonzero(flows > grid.limit - 1e-3)
    _lines(axes, grid, 0.5 + 3.5 * np.sqrt(flows / flows.max()), full)
    norm = Normalize(prices.min(), prices.max())
    _buses(axes, grid, prices, norm, given)
    axes.set_xlim(-1.08, 1.08)
    axes.set_ylim(-1.08, 1.08)
    _tags(axes, grid, full)
    _extremes(axes, grid, prices)
    _bar(figure, axes, norm, "$/MWh at each bus")
    return figure


def change_map(grid: Grid, change: np.ndarray, lost: str) -> Figure:
    """Draw how prices change when a line fails, which is drawn as it was."""
    figure, axes = _canvas()
    at, line = places(grid), grid.lines.index(lost)
    widths = np.where(np.arange(len(grid.ends)) == line, 0.0, 1.0)
    _lines(axes, grid, widths, np.array([], int))
    axes.plot(*at[grid.ends[line]].T, color=INK, linewidth=2.2, linestyle=(0, (2, 1.5)), zorder=2)
    _tags(axes, grid, np.array([line]))
    most = np.abs(change).max()
    norm = Normalize(-most, most)
    axes.scatter(*at.T, s=60, c=change, cmap=CHEAP_TO_DEAR, norm=norm, edgecolors=FAINT, linewidths=0.6, zorder=3)
    _bar(figure, axes, norm, "$/MWh more than before")
    return figure


def prices_settle(snapshots: Mapping[int, np.ndarray], best: np.ndarray) -> Figure:
    """Prices at every bus after some rounds, in the order of the prices at the optimum, which are the line."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, len(snapshots), sharey=True)
    order = np.argsort(best)
    for one, (rounds, prices) in zip(axes, snapshots.items(), strict=True):
        one.plot(best[order], color=FAINT, linewidth=1.2)
        one.plot(prices[order], ".", color=SERIES[0], markersize=4)
        quiet(one, title=f"{count(rounds)} rounds")
        one.set_xticks([])
    axes[0].set_ylabel("$/MWh, bus by bus", fontsize=9, color=FAINT)
    return figure


def missing(runs: Mapping[str, Run]) -> Figure:
    """Draw by how much the market does not clear, in MW, round by round."""
    figure = Figure(figsize=(8.5, 3.2), layout="constrained")
    axes = figure.subplots()
    last = min(run.rounds for run in runs.values())
    for (name, run), colour in zip(runs.items(), SERIES, strict=False):
        rounds, off = (run.history[column].to_numpy() for column in ("round", "violation"))
        rounds, off = rounds[rounds <= last], off[rounds <= last]
        axes.plot(rounds, off, color=colour, linewidth=1.6)
        axes.annotate(
            name,
            (rounds[-1], off[-1]),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )
    axes.set_yscale("log")
    quiet(axes, "rounds", "MW missing")
    axes.set_xlim(0, last)
    axes.set_ylim(top=3e3)
    axes.yaxis.set_major_locator(FixedLocator([1e-9, 1e-6, 1e-3, 1, 1e3]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(round(np.log10(value)))))
    return figure


def _canvas() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9.5, 6.2), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    return figure, axes


def _lines(axes: Axes, grid: Grid, widths: np.ndarray, full: np.ndarray) -> None:
    order = np.argsort(np.isin(np.arange(len(grid.ends)), full), kind="stable")  # full ones above the others
    segments, colours = list(places(grid)[grid.ends[order]]), [INK if line in full else "#b9c0c6" for line in order]
    drawn = LineCollection(segments, linewidths=widths[order].tolist(), colors=colours, zorder=1, capstyle="round")
    axes.add_collection(drawn)


def _buses(axes: Axes, grid: Grid, prices: np.ndarray, norm: Normalize, given: np.ndarray) -> None:
    at, given = places(grid), np.bincount(grid.plants, given, len(grid.buses))
    sizes = 26 + 130 * np.maximum(grid.demand, 0) / grid.demand.max()
    running = given > 1e-3
    ring = sizes[running] + 60 + 260 * given[running] / given.max()
    axes.scatter(*at[running].T, s=ring, facecolors="none", edgecolors=FAINT, linewidths=0.9, zorder=2)
    axes.scatter(*at.T, s=sizes, c=prices, cmap=CHEAP_TO_DEAR, norm=norm, edgecolors=FAINT, linewidths=0.5, zorder=3)


def _tags(axes: Axes, grid: Grid, lines: np.ndarray, away: float = 13) -> None:
    """The names of lines beside their middles, each on the side that has more room, names before it included."""
    taken = axes.transData.transform(places(grid))
    for line in lines:
        ends = axes.transData.transform(places(grid)[grid.ends[line]])
        along = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-9)
        sides = away * np.array([[-along[1], along[0]], [along[1], -along[0]]])
        spots = ends.mean(0) + 2.2 * sides
        room = [np.linalg.norm(taken - spot, axis=1).min() for spot in spots]
        shift, taken = sides[int(np.argmax(room))], np.vstack([taken, spots[int(np.argmax(room))]])
        level = abs(shift[0]) > abs(shift[1])
        align = ("left" if shift[0] > 0 else "right") if level else "center"
        axes.annotate(
            grid.lines[line],
            places(grid)[grid.ends[line]].mean(0),
            tuple(shift * (0.6 if level else 1)),
            textcoords="offset points",
            ha=align,
            va="center",
            fontsize=8.5,
            color=INK,
            zorder=6,
        )


def _extremes(axes: Axes, grid: Grid, prices: np.ndarray) -> None:
    for bus, up in ((int(np.argmin(prices)), 14), (int(np.argmax(prices)), -16)):
        words = f"bus {grid.buses[bus]}: {number(prices[bus])} $/MWh"
        axes.annotate(
            words,
            places(grid)[bus],
            (0, up),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9.5,
            fontweight="bold",
            color=INK,
            zorder=6,
        )


def _bar(figure: Figure, axes: Axes, norm: Normalize, title: str) -> None:
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(
        ScalarMappable(norm, CHEAP_TO_DEAR),
        ax=axes,
        orientation="horizontal",
        shrink=0.35,
        aspect=32,
        pad=0.01,
        anchor=(0.0, 0.5),
    )
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(labelsize=8.5, colors=FAINT, length=0)
    bar.ax.set_title(title, loc="left", fontsize=9.5, color=INK)
