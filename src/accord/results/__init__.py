"""What happened: runs, their records, how they are kept and reported."""
