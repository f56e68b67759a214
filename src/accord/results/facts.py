"""The facts of a run that a report shows beside its numbers, and the bound that is known on its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Facts:
    """The facts of a run, in words: for tables, reports and citations."""

    method: str
    pattern: str
    runtime: str
    agents: tuple[str, ...]
    sizes: tuple[int, ...]  # n_k, examples
    weights: tuple[float, ...]  # p_k; ones where costs are summed
    network: str | None
    given: tuple[str, ...]  # a phrase each: what the user set
    settings: tuple[str, ...]  # a sentence each: what was chosen, from what
    limits: tuple[float, float]  # of progress and of agreement, under which the run counts as converged
    reference: str
    exact: bool | str
    seed: int
    population: int = 0  # how many agents there are, where `agents` lists a panel of them


@dataclass(frozen=True)
class Certificate:
    """The proved accuracy of an answer: ‖x − x*‖ ≤ `distance`, F(x) − F* ≤ `gap`, by ∇F(x) and `mu` or a dual value.

    NaN where it is not known.
    """

    distance: float
    gap: float
    mu: float

    def __str__(self) -> str:
        if np.isnan(self.mu):
            return f"No plan costs less by more than {self.gap:.2g}."
        return (
            f"Proved by its gradient and μ = {self.mu:.3g}: no model has an objective lower by more than "
            f"{self.gap:.1e}, and the best is at most {self.distance:.1e} away."
        )
