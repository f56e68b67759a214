"""Adapters: one optional library a file."""
