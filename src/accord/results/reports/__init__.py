"""Reports: pictures, tables and one page of HTML. They read a run's history and know nothing else."""
