"""The results of a run: its records, and the run that carries them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.core.late import late
from accord.core.status import Ending, Status
from accord.errors import SavedRunError
from accord.results.columns import finite_or_none
from accord.results.facts import Certificate, Facts

if TYPE_CHECKING:
    import pandas as pd

ABOVE = {
    "certificate": "accord.results.certificates:certificate",
    "fares": "accord.fairness:fares",
    "load": "accord.results.saving:load",
    "run_figure": "accord.results.reports.figures:run_figure",
    "save": "accord.results.saving:save",
    "story_of": "accord.fairness:story_of",
    "write": "accord.results.reports.html:write",
}
"""The attributes of a run, where the user looks for them, that are built from runs in other modules."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run that ended: the answer, every agent's own, and what happened on the way.

    - `x`: the answer, in the shape of x0; for prices the decisions of all agents, (K, d).
    - `agents`: a list, every agent's own model, in the shape of x0.
    - `prices`: λ, (m,), of a shared constraint: what an agent is charged a unit of A_k x_k, −dF*/db; in `dispatch` what
      a generator is paid, and one more unit of demand costs. Or (K,), what fairness towards each agent costs,
      −dF*/dc_k, by methods that cap losses; or None.
    - `losses`: f_k at the answer, (K,). `worst_agent`: who loses most. Where shards are `Stored`, agents and losses are
      those of a panel.
    - `history`: a DataFrame, one row a recorded round; see `COLUMNS`, then `CLOCK_COLUMNS` where a
      virtual clock ran, and what `measure` gives.
    - `status`: how it ended, a `Status`; `reason`: the same as a sentence; `converged`; `rounds`. `ending`: the numbers
      that it rests on. `certificate`: what is proved of the answer.

    >>> import accord
    >>> run = accord.run(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0]), accord.FedSGD())
    >>> float(run.x.round(4)), run.converged, len(run.agents)
    (3.0, True, 2)
    """

    x: Any
    own: Sequence[Any] | None = field(repr=False)  # `agents`, or what makes them; None where they were not saved
    prices: np.ndarray | None
    lost: np.ndarray | None  # `losses`; None where they were not saved
    history: pd.DataFrame
    ending: Ending
    rounds: int
    facts: Facts
    table: Any = field(default=None, repr=False)
    proved: Certificate | None = field(default=None, repr=False)  # `certificate`, of a run that was loaded
    problem: Any = field(default=None, repr=False)  # while the run is in memory; never saved

    @cached_property
    def certificate(self) -> Certificate | None:
        """Bounds on ‖x − x*‖ and F(x) − F*, where they can be proved; see `accord.results.certificates`."""
        certificate = late(ABOVE, "certificate")
        return self.proved or certificate(self)

    @property
    def status(self) -> Status:
        """The status with which it ended."""
        return self.ending.status

    @property
    def reason(self) -> str:
        """The reason why it stopped, a sentence."""
        return str(self.ending)

    @property
    def converged(self) -> bool:
        """True where all measures of convergence that are known hold."""
        return self.status.converged

    @cached_property
    def agents(self) -> list[Any]:
        """Every agent's own model, in the shape of x0; what a client would propose is worked out when looked at."""
        return list(_saved(self.own, "own models"))

    @property
    def losses(self) -> np.ndarray:
        """f_k at the answer, (K,)."""
        return _saved(self.lost, "losses")

    @property
    def has_agents(self) -> bool:
        """True where there is anything of single agents: not where a run was saved without."""
        return self.lost is not None

    @property
    def worst_agent(self) -> str:
        """The name of the agent with the largest loss."""
        return self.facts.agents[int(np.nanargmax(self.losses))]

    @property
    def worst(self) -> float:
        """The largest loss of any agent."""
        return float(np.nanmax(self.losses)) if self.has_agents else float(self.history["worst"].iloc[-1])

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for a pickle: all but the problem, whose loss may be any function; all models computed."""
        return {**vars(self), "own": self.own if self.own is None else self.agents, "problem": None}

    def summary(self) -> dict[str, Any]:
        """The run in one flat object, as `accord run --json` prints it."""
        last = self.history.iloc[-1]
        numbers = {name: finite_or_none(last[name]) for name in ("objective", "disagreement")}
        counts = {name: int(last[name]) for name in ("messages", "bytes")}
        return {
            "method": self.facts.method,
            "runtime": self.facts.runtime,
            "agents": self.facts.population or len(self.facts.agents),
            "rounds": self.rounds,
            "converged": self.converged,
            "reason": self.reason,
            **numbers,
            "worst_agent": self.worst_agent if self.has_agents else None,
            "worst": self.worst,
            **counts,
            "gradients": float(last["gradients"]),
            "seconds": float(last["seconds"]),
            "status": self.status.name.lower(),
            **({"clock": float(last["clock"])} if "clock" in last else {}),
        }

    def __str__(self) -> str:
        last, what = self.history.iloc[-1], self.facts
        where = f" over the {what.network}" if what.network else ""
        K, panel = what.population or len(what.agents), len(what.agents)
        lines = [f"{what.method} with {K:,} agents{where} {self.reason}."]
        lines += [
            f"It took {self.rounds} rounds, {int(last['messages']):,} messages of {data_size(last['bytes'])} "
            "in all, "
            f"{last['gradients']:,.6g} gradients an agent and {last['seconds']:.2f} s."
        ]
        if "clock" in last:
            lines += [f"On the virtual clock it took {last['clock']:,.6g} s."]
        if what.pattern == "prices":
            lines += [
                f"The cost is {last['objective']:.8g}, the shared constraint is violated by "
                f"{last['violation']:.1e}, "
                f"and no plan costs less than {last['dual_value']:.8g}."
            ]
        elif self.has_agents:
            over = self._over(panel) if panel < K else ""
            lines += [
                f"The objective is {last['objective']:.8g}{over}; worst off is agent {self.worst_agent} with a loss of "
                f"{self.worst:.6g}{self._best()}.",
                *self.fares().brief(),
            ]
        else:
            lines += [f"The objective is {last['objective']:.8g}; the largest loss of an agent is {self.worst:.6g}."]
        if what.pattern != "prices" and self.certificate is not None:
            lines += [str(self.certificate)]
        if isinstance(what.exact, str):
            lines += [f"{what.method} reaches {what.exact}."]
        return "\n".join([*lines, *(f"Chosen: {setting}." for setting in what.settings)])

    def _over(self, panel: int) -> str:
        """Write how well a panel's objective estimates that of all: the standard error of a ratio of sums."""
        share = np.array(self.facts.weights) / np.sum(self.facts.weights)
        error = np.linalg.norm(share * (self.losses - share @ self.losses))
        return f" over a panel of {panel:,}, ± {error:.1g} for all"

    def _best(self) -> str:
        """Name the agent that is best off, where there is another."""
        if np.isfinite(self.losses).sum() < 2:
            return ""
        k = int(np.nanargmin(self.losses))
        return f", best off agent {self.facts.agents[k]} with {self.losses[k]:.6g}"

    def fares(self, by: str | None = None, alone: bool | np.ndarray = False) -> Any:
        """Measure how each agent fares, or each group `by` a column of the table. See `accord.fairness.fares`."""
        fares = late(ABOVE, "fares")
        return fares(self, by, alone)

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the history: objective, progress and disagreement against rounds. Returns a matplotlib figure."""
        run_figure = late(ABOVE, "run_figure")
        figure = run_figure(self)
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, directory: str | Path, agents: bool = False) -> Path:
        """Write one HTML page with its plots inside, and the saved run beside it; returns the page's path.

        - `agents`: whether both show single agents: what each loses, and, in the saved run, its own model.
        """
        story_of = late(ABOVE, "story_of")
        write = late(ABOVE, "write")
        self.save(directory, agents)
        shown = self if agents else self.without_agents()
        return write(shown, directory, story_of(self) if agents else None)

    def without_agents(self) -> Run:
        """The run without what it knows of single agents, as it is shown and saved where they are not asked for."""
        one_each = self.facts.pattern != "prices"  # prices of caps on losses
        return dataclasses.replace(self, own=None, lost=None, prices=None if one_each else self.prices)

    def citation(self) -> str:
        """The paper behind the method, and Accord, as `CITATION.cff` in its source has it."""
        from importlib.metadata import version

        software = (
            f"The Accord developers 2026, Accord: distributed optimisation with private data, {version('accord')}"
        )
        return f"Method: {self.facts.reference}. Software: {software} (CITATION.cff)."

    def save(self, directory: str | Path, agents: bool = False) -> Path:
        """Write the run to a directory: `run.json`, `history.csv`, `arrays.npz`; nothing in it is code.

        - `agents`: whether single agents' own models and losses are kept too. See `accord.results.saving.save`.
        """
        save = late(ABOVE, "save")
        return save(self, Path(directory), agents)

    @classmethod
    def load(cls, directory: str | Path) -> Run:
        """Read a run that was saved. Raises `SavedRunError` where it is damaged."""
        load = late(ABOVE, "load")
        return load(Path(directory))


def _saved(value: Any, what: str) -> Any:
    if value is None:
        raise SavedRunError(f"This run was saved without its agents' {what}. Save it with run.save(..., agents=True).")
    return value


def data_size(count: float) -> str:
    """A number of bytes as one reads it.

    >>> data_size(53_240)
    '53.2 kB'
    """
    power = min(int(np.log10(max(count, 1)) // 3), 3)
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB')[power]}"
