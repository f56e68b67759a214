"""Forests: agents' own estimates beside the common one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import stats

from accord.errors import ProblemError, UnknownName
from accord.results.reports.figures import FAINT, INK, RULE, SERIES, framed

FEW = 4  # terms that are drawn unless others are asked for
REACH = stats.norm.ppf(0.975)


def forest(fit: Any, terms: Sequence[str] | None = None) -> Figure:
    """A panel a term: each agent's own estimate with its 95 % interval, their weighted mean, and the common fit."""
    known = [str(term) for term in fit.params.index]
    terms = list(terms) if terms is not None else [term for term in known if term != "Intercept"][:FEW]
    if not terms:
        raise ProblemError("There is no term to draw. Give terms=[...] of: " + ", ".join(known))
    for term in terms:
        if term not in known:
            raise UnknownName("term", term, known)
    found = fit.heterogeneity()
    drawn = [term for term in terms if term in found.table.index] or terms
    figure = Figure(figsize=(9, 1.4 + 0.26 * (len(found.own) + 2)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(drawn), sharey=True))
    for axes, term in zip(panels, drawn, strict=True):
        _panel(axes, term, _lines(fit, found, term))
    panels[0].set_yticks(range(len(found.own) + 2), ["all together", "weighted mean", *found.own.index[::-1]])
    panels[0].tick_params(axis="y", labelcolor=INK)
    return figure


def _lines(fit: Any, found: Any, term: str) -> list[Any]:
    """Estimates and their errors from below."""
    own = list(zip(found.own[term], found.own_bse[term], strict=True)) if term in found.own else []
    meta = found.table.loc[term, ["meta", "meta_se"]] if term in found.table.index else (np.nan, np.nan)
    return [(fit.params[term], fit.bse[term]), tuple(meta), *own[::-1]]


def _panel(axes: Axes, term: str, lines: list[Any]) -> None:
    framed(axes, "")
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color=RULE, linewidth=1.2, zorder=0)
    colours = [SERIES[0], SERIES[1], *[FAINT] * (len(lines) - 2)]
    for place, ((value, error), colour) in enumerate(zip(lines, colours, strict=True)):
        if np.isfinite(value):
            reach = REACH * error
            axes.hlines(place, value - reach, value + reach, color=colour, linewidth=1.6, zorder=2)
            axes.scatter([value], [place], s=30, color=colour, zorder=3, marker="D" if place < 2 else "o")
    widest = [abs(value) + REACH * error for value, error in lines[:2] if np.isfinite(value)]
    finite = [abs(value) for value, _ in lines if np.isfinite(value)]
    reach = min(max(abs(v) + REACH * e for v, e in lines if np.isfinite(v)), 4 * max(*widest, *finite))
    axes.set_xlim(-1.05 * float(reach), 1.05 * float(reach))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylim(-0.6, len(lines) - 0.4)
    axes.set_title(term, loc="left", fontsize=10, color=INK)


def curves(found: Any) -> Figure:
    """Survival curves as steps, with their bounds shaded and their names where they end."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    framed(axes, "time")
    for i, group in enumerate(found.groups):
        own, colour = found.table.loc[found.table["group"] == group], SERIES[i % len(SERIES)]
        time = np.concatenate([[0.0], own["time"].to_numpy()])
        steps = {name: np.concatenate([[1.0], own[name].to_numpy()]) for name in ("survival", "lower", "upper")}
        axes.step(time, steps["survival"], where="post", color=colour, linewidth=1.8)
        axes.fill_between(time, steps["lower"], steps["upper"], step="post", color=colour, alpha=0.15, linewidth=0)
        end = (time[-1], steps["survival"][-1])
        axes.annotate(group, end, (6, 0), textcoords="offset points", va="center", fontsize=9, color=colour)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.set_title("Share that survives", loc="left", fontsize=10, color=INK)
    return figure
