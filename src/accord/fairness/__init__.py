"""Fairness: how each agent fares, what a cap on losses costs, and whom."""

from accord.fairness.faring import Fares, fares

__all__ = ["Fares", "fares"]
