"""Pictures of a day of charging: what the transformer carries, what every car does, what room costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from accord.core.formatting import count, number
from accord.results.reports.figures import FAINT, INK, SERIES, quiet

if TYPE_CHECKING:
    from accord.problems.instances.ev_charging import Charging

NOON = 12
POWER = LinearSegmentedColormap.from_list("power", ["#f3efe6", "#9cc7e0", SERIES[0], "#053a5c"])


def load_of_a_day(day: Charging, cars: Mapping[str, np.ndarray], price: np.ndarray) -> Figure:
    """Above the loads, the last of `cars` filled in on top of the homes; beneath, tariff and price."""
    figure = Figure(figsize=(9.5, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    clock = day.hours * np.arange(len(day.load) + 1)
    *others, (name, settled) = cars.items()
    upper.stairs(day.load, clock, fill=True, color="#c5ccd1")
    upper.stairs(day.load + settled, clock, baseline=day.load, fill=True, color=SERIES[0], alpha=0.75)
    for (title, load), colour in zip(others, SERIES[1:], strict=False):
        upper.stairs(day.load + load, clock, color=colour, linewidth=1.8)
        peak = int(np.argmax(day.load + load))
        _words(upper, clock[peak], (day.load + load)[peak], title, colour, 8)
    upper.axhline(day.limit, color=INK, linewidth=1.2, linestyle=(0, (5, 3)))
    _words(upper, 0.1, day.limit, f"the transformer: {count(day.limit)} kW", INK, 5, "left")
    _words(upper, 14.5, 0.68 * day.limit, name, "#ffffff", 0)
    _words(upper, 3.2, 0.4 * day.load[13], "homes", "#3a4248", 0)
    _frame(upper, "kW")
    lower.stairs(day.tariff, clock, color=FAINT, linewidth=1.4)
    lower.stairs(price, clock, baseline=day.tariff, fill=True, color=SERIES[1], alpha=0.8)
    _words(lower, 1.2, day.tariff[0], "tariff", FAINT, 5)
    top = int(np.argmax(price - day.tariff))
    most = f"and the price of room: up to {number(100 * (price - day.tariff)[top], 2)} cents"
    _words(lower, clock[top], price[top], most, SERIES[1], 5)
    _frame(lower, "€/kWh")
    lower.set_ylim(0, 1.35 * price.max())
    return figure


def every_plan(day: Charging, plans: np.ndarray) -> Figure:
    """One row a car, in the order in which they leave."""
    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    axes = figure.subplots()
    most = day.fleet.most(len(day.load), day.hours)
    order = np.argsort(day.fleet.departure, kind="stable")
    shown = np.where(most > 0, plans, np.nan)[order]
    picture = axes.imshow(
        shown, cmap=POWER, aspect="auto", extent=(0, 24, len(plans), 0), vmin=0, vmax=11, interpolation="nearest"
    )
    _frame(axes, "cars, by departure")
    axes.grid(visible=False)
    axes.set_yticks([])
    bar = figure.colorbar(picture, ax=axes, shrink=0.4, aspect=18, pad=0.01, anchor=(0, 1))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(labelsize=8.5, colors=FAINT, length=0)
    bar.ax.set_title("kW", loc="left", fontsize=9, color=FAINT)
    return figure


def who_pays(slack: np.ndarray, cents: np.ndarray) -> Figure:
    """A dot a car: what it pays for room, against the hours that it could do without charging."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(slack, cents, "o", color=SERIES[0], markersize=3.2, alpha=0.45, markeredgewidth=0)
    quiet(axes, "hours to spare: plugged in, less what charging takes at full power", "Cents a kWh, for room")
    axes.set_ylim(bottom=0)
    return figure


def _frame(axes: Axes, title: str) -> None:
    quiet(axes, title=title)
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hour, _: f"{(NOON + hour) % 24:.0f}:00"))


def _words(axes: Axes, x: float, y: float, words: str, colour: str, above: float, align: str = "center") -> None:
    axes.annotate(words, (x, y), (0, above), textcoords="offset points", ha=align, fontsize=9.5, color=colour, zorder=6)
