"""Statistics that a paper can print, over agents that keep their rows: coefficients with their errors."""

from accord.inference.disclosure import Limits
from accord.inference.glm import GLM, glm
from accord.inference.heterogeneity import Heterogeneity

__all__ = ["GLM", "Heterogeneity", "Limits", "glm"]
