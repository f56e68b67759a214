"""The fleet drawn on its ground: an animation of the agreement, and the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from accord.networks import Network, NetworkSequence
from accord.results.reports.figures import FAINT, RULE, SERIES, apart, quiet
from accord.studies.rendezvous import scene

VEHICLE, GUESS, PLACE = SERIES[0], SERIES[1], SERIES[2]
ARRIVING = 30  # frames of the drive to the place
PAPER = "#fcfbf9"


def film(places: np.ndarray, network: NetworkSequence, guesses: np.ndarray, every: int) -> FuncAnimation:
    """The fleet on patrol, which are in reach of each other, and where each thinks to meet; then all drive there.

    - `places`: (rounds, vehicles, 2); `guesses`: (frames, vehicles, 2), one `every` so many rounds.
    """
    figure = Figure(figsize=(8.4, 6.1), dpi=80, facecolor=PAPER)
    axes = _ground(figure)
    links = LineCollection([], colors=VEHICLE, linewidths=0.8, alpha=0.35)
    axes.add_collection(links)
    (cars,) = axes.plot([], [], "o", color=VEHICLE, markersize=6, label="vehicles, and who is in reach of whom")
    (thoughts,) = axes.plot([], [], "x", color=GUESS, markersize=6, markeredgewidth=1.6, label="where each would meet")
    caption = axes.text(0.995, 1.03, "", transform=axes.transAxes, ha="right", fontsize=9.5, color=FAINT)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        frameon=False,
        fontsize=9.5,
        labelcolor="linecolor",
        handlelength=1,
        borderaxespad=0.2,
        columnspacing=1.4,
    )
    last = places[(len(guesses) - 1) * every % len(places)]

    def draw(i: int) -> list[Any]:
        t = min(i, len(guesses) - 1)
        share = np.clip((i - len(guesses)) / ARRIVING, 0, 1)
        now = places[t * every % len(places)] if share == 0 else last + share * (guesses[-1] - last)
        links.set_segments(_links(now, network.at(t * every)) if share == 0 else [])
        cars.set_data(*now.T)
        thoughts.set_data(*guesses[t].T)
        caption.set_text(f"round {t * every}" if share == 0 else "they drive there")
        return [links, cars, thoughts, caption]

    return FuncAnimation(figure, draw, frames=len(guesses) + ARRIVING + 10)


def ways(rounds: Mapping[str, np.ndarray], far: Mapping[str, np.ndarray]) -> Figure:
    """Draw how far from the place the furthest vehicle would meet, in metres, against rounds; a line a case."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    axes = figure.subplots()
    ends = []
    for i, (name, metres) in enumerate(far.items()):
        colour = SERIES[i % len(SERIES)]
        axes.semilogy(rounds[name], metres, color=colour, linewidth=1.8)
        ends.append((float(np.log10(metres[-1])), name, colour))
    quiet(axes, "rounds", "Metres between the common place and that of the vehicle furthest off")
    axes.set_xlim(0, max(t[-1] for t in rounds.values()))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.yaxis.minorticks_off()
    low, high = np.log10(axes.get_ylim())
    heights = apart(sorted(height for height, *_ in ends), 0.07 * (high - low))
    for height, (_, name, colour) in zip(heights, sorted(ends), strict=True):
        axes.annotate(
            name,
            (axes.get_xlim()[1], 10**height),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=colour,
            annotation_clip=False,
        )
    return figure


def chart(found: scene.Map, together: np.ndarray, one: int) -> Figure:
    """Draw what one vehicle sees, as lines in the directions of its bearings, and the map that all have in the end."""
    figure = Figure(figsize=(8.4, 6.1))
    axes = _ground(figure)
    for k, own in enumerate(found.seen):
        ends = [(place, place + 1.25 * scene.SIGHT * u) for _, place, u in own]
        colour, width = (VEHICLE, 1.0) if k == one else (RULE, 0.7)
        axes.add_collection(LineCollection(ends, colors=colour, linewidths=width, zorder=2 if k == one else 1))
    seen = np.array([place for _, place, _ in found.seen[one]])
    axes.plot(*seen.T, "o", color=VEHICLE, markersize=5, label="one vehicle, where it looked and in what direction")
    axes.plot([], [], color=FAINT, linewidth=1, label="the others")
    axes.plot(
        *found.masts.T, "o", color=PLACE, markersize=13, markerfacecolor="none", markeredgewidth=1.4, label="the masts"
    )
    axes.plot(*together.T, "x", color=GUESS, markersize=7, markeredgewidth=1.8, label="the map of all")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=4,
        frameon=False,
        fontsize=9,
        labelcolor="linecolor",
        handlelength=1,
        borderaxespad=0.2,
        columnspacing=1.2,
    )
    return figure


def _links(now: np.ndarray, network: Network) -> list[np.ndarray]:
    sources, targets, _ = network.edges
    return list(now[np.stack([sources, targets], 1)[sources < targets]])


def _ground(figure: Figure) -> Axes:
    """The ground in km, without numbers but for a scale."""
    axes = figure.add_axes((0.01, 0.02, 0.98, 0.92))
    axes.set(
        xlim=(0, scene.WIDTH), ylim=(-0.5, scene.HEIGHT + 0.5), aspect="equal", xticks=[], yticks=[], facecolor="none"
    )
    for spine in axes.spines.values():
        spine.set_color(RULE)
    axes.plot([scene.WIDTH - 1.3, scene.WIDTH - 0.3], [0, 0], color=FAINT, linewidth=1.5)
    axes.annotate(
        "1 km", (scene.WIDTH - 0.8, 0), (0, 4), textcoords="offset points", ha="center", fontsize=8.5, color=FAINT
    )
    return axes
