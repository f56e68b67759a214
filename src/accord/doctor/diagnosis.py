"""A diagnosis: what was measured and predicted, as tables and as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.core.late import late
from accord.doctor.findings import Finding
from accord.doctor.measures import Measures
from accord.doctor.model import Context, Delay, FloorComparison
from accord.doctor.rates import Rounds
from accord.problems.population.in_memory import QueryCost
from accord.problems.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

ABOVE = {
    "advice": "accord.doctor.advice",
    "findings": "accord.doctor.findings",
    "frames": "accord.doctor.tables",
    "overview": "accord.doctor.figures:overview",
    "write": "accord.doctor.report:write",
}
"""The attributes of a diagnosis that are built from it in other modules."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The measured differences of agents, what they will cost, and which method to take: sentences when printed.

    - `table`: a DataFrame, one row an agent: examples, weight, smoothness `L`, strong convexity `mu` and their ratio
      `condition`; its loss `alone`, at its own optimum, and `together`, at the common one; the `distance` between the
      two; `gradient`, ‖∇f_k‖ at the common optimum; `label_skew`, where rows have labels.
    - `floors`: one row a number of local steps of FedAvg: how far it is predicted to come to rest from the optimum, how
      far above it, and what a run measured.
    - `rounds`: one row a method: rounds predicted and measured, bytes. `delays`: the longest steps that
      stale gradients allow.
    - `said`: what left an agent for all this. `conflict`: (K, K) cosines of the gradients at the common optimum.
    - `B`: Σ p_k ‖∇f_k(x*)‖². `delta`: how far Hessians are from their mean there. `condition`: of F there.
    - `measures`: all that was measured. `advice`: what to do, a sentence each.
    """

    table: pd.DataFrame
    floors: pd.DataFrame
    rounds: pd.DataFrame
    delays: pd.DataFrame
    said: pd.DataFrame
    measures: Measures
    context: Context
    found: tuple[Finding, ...]
    advice: tuple[str, ...]

    @classmethod
    def of(
        cls,
        problem: Problem,
        network: Any,
        found: Measures,
        rested: Sequence[FloorComparison],
        counted: Sequence[Rounds],
        delays: Sequence[Delay],
        said: Mapping[str, QueryCost],
        share: float,
        step_size: float,
        vector: int,
    ) -> Diagnosis:
        """A diagnosis from what was measured."""
        advice = late(ABOVE, "advice")
        findings = late(ABOVE, "findings")
        frames = late(ABOVE, "frames")
        checked = any(not np.isnan(one.distance) for one in rested) or any(not np.isnan(c.measured) for c in counted)
        who = Context(
            problem.names,
            problem.sizes,
            problem.weights,
            len(found.common.x),
            network,
            step_size,
            share,
            vector,
            checked,
        )
        return cls(
            table=frames.agents(who, found),
            floors=frames.floors(rested),
            rounds=frames.rounds(counted),
            delays=frames.delays(delays),
            said=frames.said(said),
            measures=found,
            context=who,
            found=tuple(findings.sentences(who, found, rested, counted, delays, said)),
            advice=tuple(advice.sentences(who, found, rested, counted)),
        )

    @property
    def conflict(self) -> np.ndarray:
        """(K, K) cosines of the agents' gradients at the common optimum: −1 where two pull against each other."""
        return self.measures.conflict

    @property
    def B(self) -> float:
        """Σ p_k ‖∇f_k(x*)‖²: 0 where one model suits all agents."""
        return self.measures.B

    @property
    def delta(self) -> float:
        """δ = √λ_max(Σ p_k (H_k − H)²) at x*: 0 where all agents are curved alike."""
        return self.measures.delta

    @property
    def condition(self) -> float:
        """κ of F at the common optimum."""
        least, most = self.measures.curved
        return most / least

    def __str__(self) -> str:
        return "\n".join([*self.findings_about(), *self.advice])

    def findings_about(self, *subjects: str) -> list[str]:
        """Return the findings on "agents", "difference", "floors", "rounds", "delays", "privacy"; all if not given."""
        return [one.sentence for one in self.found if one.about in subjects or not subjects]

    def summary(self) -> dict[str, Any]:
        """The diagnosis in one object, as `accord doctor --json` prints it."""
        frames = late(ABOVE, "frames")
        least, most = self.measures.curved
        numbers = {"L": most, "mu": least, "condition": self.condition, "B": self.B, "delta": self.delta}
        numbers |= {"objective": self.measures.common.value, "objective_at_start": self.measures.common.start}
        tables = {"table": self.table, "floors": self.floors, "rounds": self.rounds, "delays": self.delays}
        tables |= {"said": self.said}
        return {
            "agents": len(self.context.names),
            **numbers,
            "findings": self.findings_about(),
            "advice": list(self.advice),
            **{name: frames.records(one) for name, one in tables.items()},
        }

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw it: what each agent gives up, who pulls against whom, and the floors. Returns a matplotlib figure."""
        overview = late(ABOVE, "overview")
        figure = overview(self)
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, directory: str | Path, title: str = "", about: str = "") -> Path:
        """Write one HTML page with its pictures inside; returns the page's path."""
        write = late(ABOVE, "write")
        return write(self, directory, title, about)
