"""Statistics that a paper can print, over agents that keep their rows: coefficients with their errors."""

from accord.inference.cox import Cox, cox
from accord.inference.disclosure import Limits
from accord.inference.glm import GLM, glm
from accord.inference.heterogeneity import Heterogeneity
from accord.inference.survival import KaplanMeier, kaplan_meier, logrank
from accord.inference.wald import Test

__all__ = ["GLM", "Cox", "Heterogeneity", "KaplanMeier", "Limits", "Test", "cox", "glm", "kaplan_meier", "logrank"]
