"""The picture of the scoreboard, from `benchmarks/results/scoreboard.json`: rounds over the floor, each at its name."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results" / "scoreboard.json"
WIDTH, LEFT, LONG, LINE, MOST = 840, 180, 300, 21, 15.0
DUALS = {"conjugate_grad": "dual gradients", "prox": "proximal steps"}


class Bar(NamedTuple):
    """One method on one hard instance."""

    method: str
    oracle: str
    ratio: float
    rounds: int
    gradients: int


def races() -> dict[str, list[Bar]]:
    """The methods that arrive on each hard instance, the quickest first."""
    found: dict[str, list[Bar]] = {}
    for row in json.loads(RESULTS.read_text())["rows"]:
        if row["race"].startswith("hard") and row["ratio"] is not None:
            bar = Bar(row["method"], row["oracle"], row["ratio"], row["rounds"], round(row["gradients"]))
            found.setdefault(row["race"], []).append(bar)
    return {race: sorted(bars, key=lambda bar: bar.ratio) for race, bars in found.items()}


def floor_of(bars: list[Bar]) -> int:
    """The fewest rounds that any method needs."""
    return round(bars[0].rounds / bars[0].ratio)


def picture() -> str:
    """All hard instances, one above the other, as SVG in the page: names before the bars, numbers behind them."""
    parts, y = [], 8
    for race, bars in races().items():
        title = f"{race[0].upper()}{race[1:]}: no method needs fewer than {floor_of(bars):,} rounds"
        parts.append(f'<text x="0" y="{y + 14}" class="race">{html.escape(title)}</text>')
        y += 24
        lines = "".join(_line(bar, y + i * LINE) for i, bar in enumerate(bars))
        last = y + len(bars) * LINE
        parts.append(f'{lines}<line x1="{_place(1)}" x2="{_place(1)}" y1="{y}" y2="{last}" class="floor"/>')
        y = last + 18
    head = f'<svg class="scoreboard" viewBox="0 0 {WIDTH} {y}" role="img" aria-label="{LABEL}">'
    return f"{head}{''.join(parts)}</svg>"


LABEL = "Rounds over the floor of every exact method on the hard instance"


def _line(bar: Bar, y: int) -> str:
    end, kind = _place(bar.ratio), "dual" if bar.oracle in DUALS else "primal"
    told = f"{bar.ratio:.2f} × the floor, {bar.rounds:,} rounds, {bar.gradients:,} {DUALS.get(bar.oracle, 'gradients')}"
    return (
        f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{html.escape(bar.method)}</text>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{end - LEFT:.1f}" height="{LINE - 6}" class="{kind}"/>'
        f'<text x="{end + 6}" y="{y + 14}">{told}</text>'
    )


def _place(ratio: float) -> float:
    """Where a bar of so many times the floor ends."""
    return round(LEFT + LONG * ratio / MOST, 1)
