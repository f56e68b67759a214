"""Rows: shards in memory and on disk, tables, their encoding, and how a data set is split among agents."""
