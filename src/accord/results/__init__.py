"""The results: runs, their records, how they are kept and reported."""
