"""Quantiles without a row: agents count how many values do not exceed cut points, which close in on the quantile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from accord.inference.design import Design, Site
from accord.inference.formula import complete
from accord.inference.sums import Reply, Sums

CUTS = 16  # intervals into which a bracket is cut each round
WIDTH = 1e-7  # of a bracket, in standard deviations, at which it is narrow enough

ROUNDING = 64 * np.finfo(float).eps  # of a mean of squares


def moments(site: Site, design: Design) -> Reply:
    """n, Σ and Σ² of each column that is asked for, over the rows that are not missing: (3, columns)."""
    told = []
    for name in _asked(design):
        values = _values(site, design, name)
        told.append((len(values), values.sum(), values @ values))
    return (np.array(told, float).T,)


def below(site: Site, design: Design, cuts: np.ndarray) -> Reply:
    """Count the values of each column that do not exceed its cut points, (columns, cuts)."""
    counts = [
        np.searchsorted(np.sort(_values(site, design, name)), own, side="right")
        for name, own in zip(_asked(design), cuts, strict=True)
    ]
    return (np.array(counts, float).reshape(cuts.shape),)


def _asked(design: Design) -> tuple[str, ...]:
    return tuple(name for role, name in design.roles if role.startswith("quantile"))


def _values(site: Site, design: Design, name: str) -> np.ndarray:
    others = tuple(one for one in design.roles if not one[0].startswith("quantile"))
    frame = complete(site, replace(design, roles=others))
    return frame[name].dropna().to_numpy(float)


def quantiles(sums: Sums, design: Design, columns: Sequence[str], levels: Sequence[float]) -> dict[str, np.ndarray]:
    """The least value that a share `levels` of all rows does not exceed, of each column, to 1e-7 standard deviations.

    A quantile is within √((1−q)/q) standard deviations of the mean (Cantelli), which begins the search; each round
    counts at 15 cut points within every bracket.
    """
    asked = replace(design, roles=(*design.roles, *((f"quantile {name}", name) for name in columns)))
    n, total, square = sums.total("moments", asked)[0]
    mean = total / n
    sd = np.sqrt(np.maximum(square / n - mean**2, 0))
    most = np.sqrt(sd**2 + ROUNDING * square / n)[:, None]  # where the mean is far from 0, σ² is a difference of two
    q = np.asarray(levels)
    low = mean[:, None] - most * np.sqrt((1 - q) / q) * (1 + 1e-9)
    high = mean[:, None] + most * np.sqrt(q / (1 - q)) * (1 + 1e-9)
    wanted = np.ceil(n[:, None] * q - 1e-9)
    while ((high - low) > WIDTH * np.maximum(sd, 1e-300)[:, None]).any() and (np.nextafter(low, high) < high).any():
        steps = np.linspace(0, 1, CUTS + 1)[1:-1]
        cuts = low[..., None] + (high - low)[..., None] * steps
        counts = sums.total("below", asked, cuts.reshape(len(columns), -1))[0].reshape(cuts.shape)
        reached = (counts < wanted[..., None]).sum(-1)  # cut points below the quantile
        edges = np.concatenate([low[..., None], cuts, high[..., None]], -1)
        low = np.take_along_axis(edges, reached[..., None], -1)[..., 0]
        high = np.take_along_axis(edges, reached[..., None] + 1, -1)[..., 0]
    return {name: high[j] for j, name in enumerate(columns)}
