"""Pictures of a diagnosis, drawn on figures of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from accord.core.formatting import number
from accord.results.reports.figures import FAINT, INK, RULE, SERIES, TITLE, framed

if TYPE_CHECKING:
    from accord.doctor.diagnosis import Diagnosis

NAMED, WRITTEN = 32, 8  # agents up to which a heat map bears their names, and their cosines
AGREE, OPPOSE = SERIES[0], SERIES[1]
COSINES = LinearSegmentedColormap.from_list(
    "cosines", [(0, to_rgba(OPPOSE)), (0.5, to_rgba(OPPOSE, 0)), (0.5, to_rgba(AGREE, 0)), (1, to_rgba(AGREE))]
)
"""Nothing at 0, so that it stands on a light page and on a dark one."""


def overview(found: Diagnosis) -> Figure:
    """Draw what each agent gives up, who pulls against whom, and the floors of FedAvg."""
    figure = Figure(figsize=(11, 3.9), layout="constrained")
    gives, pulls, stands = figure.subplots(1, 3, width_ratios=[1, 1, 1])
    draw_losses(gives, found)
    draw_conflict(figure, pulls, found)
    draw_floors(stands, found)
    return figure


def losses_figure(found: Diagnosis) -> Figure:
    """Draw what each agent loses alone and together."""
    K = len(found.table)
    figure = Figure(figsize=(9, 1.3 + 0.28 * K if K <= NAMED else 3.6), layout="constrained")
    draw_losses(figure.subplots(), found)
    return figure


def conflict_figure(found: Diagnosis) -> Figure:
    """Draw which agents pull against which."""
    figure = Figure(figsize=(9, 3.4 if len(found.table) <= WRITTEN else 5.6), layout="constrained")
    draw_conflict(figure, figure.subplots(), found)
    return figure


def floors_figure(found: Diagnosis) -> Figure:
    """Draw the floors of FedAvg: predicted, and measured."""
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    draw_floors(figure.subplots(), found)
    return figure


def draw_losses(axes: Axes, found: Diagnosis) -> None:
    """A line an agent, from its loss at its own optimum to that at the common one, who gives up most on top."""
    alone, together = found.table["alone"].to_numpy(), found.table["together"].to_numpy()
    order = np.argsort(np.nan_to_num(together - alone, nan=-np.inf), kind="stable")
    places = np.arange(len(order))
    few = len(order) <= NAMED
    axes.hlines(places, alone[order], together[order], color=RULE, linewidth=3 if few else 1, zorder=1)
    size = 36 if few else max(4, 900 / len(order))
    for values, colour in ((alone, SERIES[2]), (together, SERIES[0])):
        axes.scatter(values[order], places, s=size, color=colour, zorder=2, clip_on=False)
    framed(axes, "loss on its own rows")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2)))
    axes.set_yticks(places if few else [], [_short(str(found.table.index[k])) for k in order] if few else [])
    if not few:
        axes.set_ylabel(f"{len(order)} agents", fontsize=9, color=FAINT)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_title("What each agent gives up", **ABOVE)
    _legend(axes, [("alone", SERIES[2]), ("at the common optimum", SERIES[0])])


def draw_conflict(figure: Figure, axes: Axes, found: Diagnosis) -> None:
    """Cosines of the agents' gradients at the common optimum; who agrees stands together where they are many."""
    cosines = found.conflict
    K = len(cosines)
    order = np.arange(K) if K <= WRITTEN else alike(cosines)
    shown = cosines[np.ix_(order, order)]
    if K <= NAMED:
        mesh = axes.pcolormesh(shown, cmap=COSINES, vmin=-1, vmax=1, edgecolor=RULE, linewidth=0.5)
        names = [_short(str(found.table.index[k])) for k in order]
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if K > 3 else {}
        axes.set_xticks(np.arange(K) + 0.5, names, **turned)
        axes.set_yticks(np.arange(K) + 0.5, names)
    else:
        mesh = axes.pcolormesh(shown, cmap=COSINES, vmin=-1, vmax=1, rasterized=True)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(f"{K} agents, those who agree side by side", fontsize=9, color=FAINT, loc="right")
    for i, j in np.ndindex(K, K) if K <= WRITTEN else ():
        text = f"{shown[i, j]:.2f}".replace("-", "−").replace("1.00", "1")
        axes.text(
            j + 0.5,
            i + 0.5,
            text,
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if abs(shown[i, j]) > 0.6 else INK,
        )
    axes.invert_yaxis()
    axes.set_aspect("equal", anchor="W")
    axes.tick_params(colors=INK, labelsize=8.5 if K <= 16 else 7, length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title("Who pulls against whom", **TITLE)
    bar = figure.colorbar(mesh, ax=axes, shrink=0.7, aspect=18, ticks=[-1, 0, 1])
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.set_yticklabels(["−1", "0", "1"], fontsize=8.5, color=FAINT)
    bar.ax.tick_params(length=0)


def alike(cosines: np.ndarray) -> np.ndarray:
    """An order of the agents in which those who agree are neighbours: by angle in the plane that differs most."""
    values, vectors = np.linalg.eigh(cosines)
    plane = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0))
    return np.argsort(np.arctan2(plane[:, 0], plane[:, 1]), kind="stable")


def draw_floors(axes: Axes, found: Diagnosis) -> None:
    """Draw how far from the optimum FedAvg will rest, against local steps; rings are where runs came to rest."""
    floors = found.floors.sort_index()
    steps = floors.index.to_numpy()
    axes.plot(steps, floors["predicted"], color=SERIES[0], linewidth=1.8, marker="o", markersize=5)
    axes.scatter(steps, floors["measured"], s=90, facecolor="none", edgecolor=SERIES[1], linewidth=1.6, zorder=3)
    framed(axes, "local steps of a round")
    axes.set_xscale("log")
    axes.margins(x=0.25)
    axes.set_xticks(steps, [str(tau) for tau in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, 1.25 * float(np.nanmax(floors[["predicted", "measured"]].to_numpy())) or 1)
    axes.set_yticks([0])
    for tau, distance in zip(steps, floors["predicted"].to_numpy(), strict=True):
        axes.annotate(
            number(distance, 3),
            (tau, distance),
            (-8, 4),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=SERIES[0],
            annotation_clip=False,
        )
    axes.set_title("FedAvg's floor: distance to the optimum", **ABOVE)
    measured = bool(floors["measured"].notna().any())
    _legend(axes, [("predicted", SERIES[0]), *([("measured", SERIES[1])] if measured else [])])


def _legend(axes: Axes, entries: list[tuple[str, str]]) -> None:
    """Words in their colours, below the title."""
    place, inches = 0.0, axes.get_figure(root=True).get_size_inches()[0] / len(axes.get_figure(root=True).axes or [0])  # pyright: ignore
    for words, colour in entries:
        axes.annotate(
            words,
            (place, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=8.5,
            color=colour,
            annotation_clip=False,
        )
        place += (0.078 * len(words) + 0.2) / inches


ABOVE: dict[str, Any] = TITLE | {"pad": 22}  # room for words in colour


def _short(name: str, most: int = 14) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
