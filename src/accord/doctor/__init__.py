"""What agents are like, what that will cost, and which method to take: measured without pooling a row."""

from accord.doctor.diagnose import diagnose
from accord.doctor.diagnosis import Diagnosis

__all__ = ["Diagnosis", "diagnose"]
