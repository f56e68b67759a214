"""The picture of the scoreboard says what was measured."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from docs import scoreboard


def test_every_method_that_arrives_has_a_bar_as_long_as_its_ratio() -> None:
    drawn = ET.fromstring(scoreboard.picture())
    bars = [bar for race in scoreboard.races().values() for bar in race]
    widths = [float(rect.attrib["width"]) for rect in drawn.iter("rect")]
    assert len(bars) == len(widths) > 0
    for bar, width in zip(bars, widths, strict=True):
        assert abs(width - scoreboard.LONG * bar.ratio / scoreboard.MOST) <= 0.1
    words = [text.text or "" for text in drawn.iter("text")]
    assert sum("gradients" in word or "proximal steps" in word for word in words) == len(bars)


def test_no_method_is_faster_than_the_floor_and_gradients_alone_reach_three_times_it() -> None:
    """What the page says of APAPC: within 3.1 of the floor at κ = 10³ and 10⁴."""
    for race, bars in scoreboard.races().items():
        assert bars[0].ratio >= 1
        best = min(bar.ratio for bar in bars if bar.method == "APAPC")
        assert best <= 3.1 or race.endswith("κ = 100")
