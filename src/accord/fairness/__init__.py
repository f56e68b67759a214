"""Fairness: how each agent fares, what a cap on losses costs, and whom."""

from accord.caps import Least, least_excess
from accord.fairness.caps import TradeOff, capped, trade_off
from accord.fairness.chapters import fairness_chapters, story_of
from accord.fairness.faring import Fares, fares

__all__ = [
    "Fares",
    "Least",
    "TradeOff",
    "capped",
    "fairness_chapters",
    "fares",
    "least_excess",
    "story_of",
    "trade_off",
]
