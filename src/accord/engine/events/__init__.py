"""Asynchronous events: one agent at a time, in the order of a clock."""
