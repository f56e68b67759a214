"""Runs in workers: a shard of agents each, behind a transport."""
