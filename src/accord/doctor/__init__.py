"""The examination of agents before a run: their differences, the cost, and the method to take; no row is pooled."""

from accord.doctor.diagnose import diagnose
from accord.doctor.diagnosis import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
