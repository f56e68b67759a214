"""Pictures of who fares how, and of what fairness costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from accord.core.formatting import number
from accord.results.reports.figures import FAINT, INK, RULE, SERIES, TITLE, apart, framed, logarithmic

if TYPE_CHECKING:
    from accord.fairness.loss_caps import TradeOff
    from accord.fairness.performance import Fares

FEW = 32  # agents that have a line each


def fares_figure(found: Fares) -> Figure:
    """A line an agent or group, who loses most on top; or the distribution where there are many."""
    few = len(found.table) <= FEW
    figure = Figure(figsize=(9, 1.2 + 0.28 * len(found.table) if few else 3.2), layout="constrained")
    (_lines if few else _distribution)(figure.subplots(), found)
    return figure


def _lines(axes: Axes, found: Fares) -> None:
    table = found.table.dropna(subset=["loss"]).sort_values(by="loss", kind="stable")
    places, losses = np.arange(len(table)), table["loss"].to_numpy()
    start = table["alone"].to_numpy() if "alone" in table else np.zeros(len(table))
    axes.hlines(places, np.nan_to_num(start), losses, color=RULE, linewidth=3, zorder=1)
    if "alone" in table:
        axes.scatter(start, places, s=34, color=SERIES[2], zorder=2, clip_on=False)
        axes.annotate(
            "alone, on its own rows",
            (0, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=8.5,
            color=SERIES[2],
        )
    axes.scatter(losses, places, s=42, color=SERIES[0], zorder=3, clip_on=False)
    for place, loss in zip(places, losses, strict=True):
        axes.annotate(
            number(loss, 3),
            (loss, place),
            (9, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=SERIES[0],
        )
    _frame(axes, losses, places, [str(name) for name in table.index])
    axes.set_title("Loss at the answer", loc="left", fontsize=10, color=INK, pad=22 if "alone" in table else 10)


def _frame(axes: Axes, losses: np.ndarray, places: np.ndarray, names: list[str]) -> None:
    framed(axes, "")
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2)))
    axes.set_xlim(min(0, 1.1 * float(losses.min())), 1.1 * max(float(losses.max()), 0) or 1.0)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.6, len(places) - 0.4)


def _distribution(axes: Axes, found: Fares) -> None:
    """Losses in order, from who loses least to who loses most; the tenth that is worst off in another colour."""
    losses = np.sort(found.losses)
    shares = (np.arange(len(losses)) + 0.5) / len(losses)
    cut = int(np.searchsorted(shares, 0.9))
    for part, colour in ((slice(cut + 1), SERIES[0]), (slice(cut, None), SERIES[1])):
        axes.plot(shares[part], losses[part], color=colour, linewidth=2)
        axes.fill_between(shares[part], losses[part], losses[0] / 2, color=colour, alpha=0.12, linewidth=0)
    framed(axes, "agents, from who loses least to who loses most")
    steep = losses[0] > 0 and losses[-1] > 30 * losses[len(losses) // 2] and logarithmic(axes, losses)
    if not steep:
        axes.set_ylim(0, 1.08 * losses[-1])
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2)))
    else:
        axes.set_ylim(losses[0], 2 * losses[-1])
    for share, loss in zip(np.linspace(0.1, 0.9, 3), np.quantile(losses, [0.1, 0.5, 0.9]), strict=True):
        axes.plot(share, loss, "o", color=SERIES[0], markersize=5)
        axes.annotate(
            number(float(loss), 3),
            (share, float(loss)),
            (-6, 6),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=SERIES[0],
        )
    axes.annotate(
        f"the worst-off tenth\nloses {number(found.bottom_tenth, 3)} on average",
        (0.895, float(losses[-1])),
        (-6, 0),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
        color=SERIES[1],
    )
    axes.set_xlim(0, 1)
    axes.set_xticks(np.linspace(0, 1, 11), [f"{10 * i} %" for i in range(11)])
    axes.set_title(f"Loss at the answer, of {len(losses):,} agents", **TITLE)


def trade_off_figure(found: TradeOff) -> Figure:
    """Average loss against the largest, from uncapped to minimax; and the price of each agent under each cap."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    curve, prices = figure.subplots(1, 2, width_ratios=[1.15, 1])
    _curve(curve, found)
    _prices(prices, found)
    return figure


def _curve(axes: Axes, found: TradeOff) -> None:
    table = found.table
    largest, mean = table["largest"].to_numpy(), table["objective"].to_numpy()
    axes.plot(largest, mean, color=SERIES[0], linewidth=1.8, marker="o", markersize=4.5, clip_on=False)
    axes.axvspan(2 * largest.min() - largest.max(), largest.min(), color=RULE, alpha=0.6, linewidth=0)
    width = float(np.ptp(largest)) or 1.0
    axes.set_xlim(largest.min() - 0.25 * width, largest.max() + 0.3 * width)
    axes.set_ylim(mean.min() - 0.08 * np.ptp(mean), mean.max() + 0.18 * np.ptp(mean))
    for i, words, offset in ((0, "minimax", (8, 4)), (len(table) - 1, "no cap", (8, 2))):
        axes.annotate(
            words,
            (largest[i], mean[i]),
            offset,
            textcoords="offset points",
            fontsize=9,
            color=SERIES[0],
            annotation_clip=False,
        )
    axes.annotate(
        "no model\ndoes this",
        (largest.min() - 0.125 * width, mean.min()),
        fontsize=8.5,
        color=FAINT,
        ha="center",
        va="bottom",
    )
    if found.chosen is not None:
        axes.plot(
            *found.chosen, "o", markersize=11, markerfacecolor="none", markeredgecolor=SERIES[1], markeredgewidth=1.8
        )
        axes.annotate(
            f"this run: {number(found.chosen[0], 3)}",
            found.chosen,
            (9, 9),
            textcoords="offset points",
            fontsize=9,
            color=SERIES[1],
        )
    framed(axes, "largest loss of any agent")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 3)))
    axes.set_title("Average loss against the largest", **TITLE)


def _prices(axes: Axes, found: TradeOff) -> None:
    capped = found.table[found.table["cap"].notna()].iloc[1:]  # at the least cap itself prices have no bound
    caps = capped["cap"].to_numpy()
    named = [name for name in found.agents if capped[name].max() > 1e-3 * capped[found.agents].to_numpy().max()]
    named = sorted(named, key=lambda name: capped[name].max(), reverse=True)[: len(SERIES)]
    ends = []
    for colour, name in zip(SERIES, named, strict=False):
        axes.plot(caps, capped[name], color=colour, linewidth=1.8, marker="o", markersize=4, clip_on=False)
        ends.append((float(capped[name].iloc[0]), name, colour))
    framed(axes, "cap")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 3)))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 2)))
    top = max((end[0] for end in ends), default=1.0) or 1.0
    axes.set_ylim(0, 1.15 * top)
    ends.sort()
    for place, (height, name, colour) in zip(apart([end[0] / top for end in ends], 0.08), ends, strict=True):
        axes.annotate(
            name,
            (caps[0], height),
            (6, 6 + 100 * (place - height / top)),
            textcoords="offset points",
            fontsize=9,
            color=colour,
            annotation_clip=False,
        )
    axes.set_title("Price of each agent: what its cap costs the average", **TITLE)
