"""Studies: a problem, a method and all the rest of a run in one TOML file. Some ship with the package."""

from accord.results.reports.sections import Chapter
from accord.studies.datasets import DATASETS, dataset
from accord.studies.study import PACKAGED, Study, load

__all__ = ["DATASETS", "PACKAGED", "Chapter", "Study", "dataset", "load"]
