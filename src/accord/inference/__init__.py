"""Statistics that a paper can print, over agents that keep their rows: coefficients with their errors."""

from accord.inference.cox import Cox, cox
from accord.inference.crosstab import Crosstab, crosstab
from accord.inference.describe import Description, describe
from accord.inference.disclosure import Limits
from accord.inference.glm import GLM, glm
from accord.inference.heterogeneity import Heterogeneity
from accord.inference.mixed import Mixed, mixed
from accord.inference.survival import KaplanMeier, kaplan_meier, logrank
from accord.inference.wald import Test

__all__ = [
    "GLM",
    "Cox",
    "Crosstab",
    "Description",
    "Heterogeneity",
    "KaplanMeier",
    "Limits",
    "Mixed",
    "Test",
    "cox",
    "crosstab",
    "describe",
    "glm",
    "kaplan_meier",
    "logrank",
    "mixed",
]
