"""The load profile of German households as demandlib ships it: the one file that imports it."""

from __future__ import annotations

import warnings

import numpy as np

from accord.errors import MissingExtra


def households(start: str, steps: int = 96) -> np.ndarray:
    """Mean power of a household that uses 1000 kWh a year, in kW, in quarters of an hour from `start` on.

    It is the standard load profile H25 of the German association of energy and water industries (BDEW), made in 2025
    from measurements of 2018 and 2019. Raises `MissingExtra` where there is no demandlib.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # demandlib 0.2 uses what pandas 3 deprecates
            from demandlib.bdew import H25
    except ImportError as error:
        raise MissingExtra("demandlib", "charging", "A household's load profile") from error
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = H25(pd.date_range(start, periods=steps, freq="15min"))
    return np.asarray(profile, float) / 1000  # demandlib scales to a million kWh
