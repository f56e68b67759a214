"""Robust aggregation of replies, and the attacks that it is tested against."""
