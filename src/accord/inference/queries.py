"""The closed table of questions that a site answers: arrays in, arrays out, and its own limits before each answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from accord.inference import agreement, likelihood, mixed_fit, own_fits, quantiles, survival_rows, tallies
from accord.inference.design import Design, Site
from accord.inference.formula import complete, rows_of
from accord.inference.sums import Reply


class Query(NamedTuple):
    """A question: the pure function that answers it, and the limit that guards it."""

    answer: Callable[..., Reply]
    guard: str  # "none", "rows", "parameters", or "times": those of single events


QUERIES: Mapping[str, Query] = MappingProxyType(
    {
        "schema": Query(agreement.schema, "none"),
        "moments": Query(quantiles.moments, "rows"),
        "below": Query(quantiles.below, "rows"),
        "start": Query(likelihood.start, "parameters"),
        "score": Query(likelihood.score, "parameters"),
        "loglik": Query(likelihood.loglik, "parameters"),
        "gram": Query(likelihood.gram, "parameters"),
        "indicators": Query(likelihood.indicators, "rows"),
        "own_glm": Query(own_fits.own_glm, "parameters"),
        "times": Query(survival_rows.times, "times"),
        "shared": Query(survival_rows.shared, "parameters"),
        "stratified": Query(survival_rows.stratified, "parameters"),
        "shared_meat": Query(survival_rows.shared_meat, "parameters"),
        "stratified_meat": Query(survival_rows.stratified_meat, "parameters"),
        "schoenfeld": Query(survival_rows.schoenfeld, "parameters"),
        "pairs": Query(survival_rows.pairs, "parameters"),
        "score_moments": Query(survival_rows.score_moments, "parameters"),
        "score_cells": Query(survival_rows.score_cells, "times"),
        "counts": Query(survival_rows.counts, "times"),
        "own_logrank": Query(survival_rows.own_logrank, "rows"),
        "cross": Query(mixed_fit.cross, "parameters"),
        "kinds": Query(tallies.kinds, "none"),
        "profile": Query(tallies.profile, "rows"),
        "tallies": Query(tallies.tallies, "rows"),
        "table": Query(tallies.table, "rows"),
        "own_cox": Query(own_fits.own_cox, "parameters"),
    }
)


def answer(site: Site, query: str, design: Design, *sent: np.ndarray) -> Reply:
    """A site's answer to a question. Raises `DisclosureError` where its limits refuse it."""
    asked = QUERIES[query]
    if site.limits is not None and asked.guard != "none":
        if asked.guard != "parameters":
            site.limits.sums(site.name, len(complete(site, design)))
            if asked.guard == "times":
                site.limits.tell_times(site.name)
        else:
            rows = rows_of(site, design)
            site.limits.parameters(site.name, len(rows.X), rows.X.shape[1])
    return asked.answer(site, design, *sent)
