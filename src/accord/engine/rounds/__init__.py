"""Synchronous rounds: all agents take part, then the next round begins."""
