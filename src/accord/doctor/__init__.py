"""What agents are like, what that will cost, and which method to take: measured without pooling a row."""

from accord.doctor.diagnosis import Diagnosis
from accord.doctor.examination import diagnose

__all__ = ["Diagnosis", "diagnose"]
