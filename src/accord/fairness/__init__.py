"""Fairness: how each agent fares, what a cap on losses costs, and which agents."""

from accord.fairness.loss_caps import TradeOff, capped, trade_off
from accord.fairness.performance import Fares, fares
from accord.fairness.sections import fairness_chapters, story_of
from accord.results.feasibility import Least, least_excess

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
