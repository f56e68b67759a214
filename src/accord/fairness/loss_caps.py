"""The price of fairness: the average loss against the largest, from no cap to the least possible one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.core.formatting import number
from accord.core.late import late
from accord.core.stopping import Stop
from accord.errors import MethodError, ProblemError
from accord.methods import LossCaps
from accord.problems.problem import Problem
from accord.results.feasibility import least_excess
from accord.run import run

if TYPE_CHECKING:
    import pandas as pd

ABOVE = {
    "trade_off_figure": "accord.fairness.figures:trade_off_figure",
}
"""The attribute that is drawn in another module."""


ROUNDS = 5000  # of each run


@dataclass(frozen=True, eq=False)
class TradeOff:
    """The best average loss under each cap on the largest: sentences when printed.

    - `table`: a DataFrame from the least possible cap to none at all: the `cap`, NaN where there is none; the average
      loss, `objective`; the `largest` loss; and each agent's price, −dF*/dc_k, under its name.
    - `agents`: their names. `chosen`: (largest loss, average loss) of a run to be shown among them.
    """

    table: pd.DataFrame
    agents: list[str]
    chosen: tuple[float, float] | None = None

    @property
    def least(self) -> float:
        """The least cap that a model can meet."""
        return float(self.table["cap"].iloc[0])

    def __str__(self) -> str:
        return "\n".join(self.sentences())

    def sentences(self) -> Iterator[str]:
        """Yield the range of the largest loss and of the average, and the agent with the largest price."""
        first, last = self.table.iloc[0], self.table.iloc[-1]
        yield (
            f"Without a cap the largest loss is {number(float(last['largest']))} and the average "
            f"{number(float(last['objective']))}. No model keeps every agent below {number(self.least)}, and there "
            f"the average is {number(float(first['objective']))}."
        )
        prices = self.table[self.agents].iloc[1:]
        if prices.to_numpy().max(initial=0) > 0:
            k = str(prices.max().idxmax())
            yield (
                f"The price of an agent is what the average would gain if its cap were a little higher, a unit: "
                f"{'agent ' * k.isdigit()}{k}'s is {number(float(prices[k].max()), 3)} under a cap of "
                f"{number(float(self.table['cap'].loc[prices[k].idxmax()]), 3)}."
            )

    def plot(self, path: Any = None) -> Any:
        """Draw it. Returns a matplotlib figure."""
        trade_off_figure = late(ABOVE, "trade_off_figure")
        figure = trade_off_figure(self)
        if path is not None:
            figure.savefig(path)
        return figure


def capped(words: Sequence[str], names: Sequence[str]) -> LossCaps:
    """LossCaps as the command line gives them: "0.5" for all agents, "north=0.4" for one of them.

    >>> capped(["0.5", "north=0.4"], ["north", "south"]).cap
    {'north': 0.4, 'south': 0.5}
    """
    caps: dict[str, float] = {}
    for name, _, most in sorted(word.rpartition("=") for word in words):
        try:
            caps |= {name: float(most)} if name else dict.fromkeys(names, float(most))
        except ValueError:
            raise MethodError(
                f"The cap {most!r} is no number. Give the most that agents may lose, as 0.5, or as "
                f"{names[0]}=0.5 for one of them."
            ) from None
    alike = set(caps) == set(names) and len(set(caps.values())) == 1
    return LossCaps(cap=next(iter(caps.values())) if alike else caps)


def trade_off(problem: Problem, caps: int = 7, x0: Any = None) -> TradeOff:
    """The least average loss under each of some caps on the largest: from the least that can be met, to none.

    - `caps`: how many, evenly apart between the minimax and the largest loss without a cap, the ends of the curve.

    Raises `MethodError` where all agents lose the same without any cap, so that there is nothing to trade.

    >>> import accord
    >>> found = trade_off(accord.problems.quadratic(H=[1.0, 1.0, 1.0], c=[0.0, 0.0, 3.0]), caps=2)
    >>> found.table[["cap", "objective", "largest"]].round(3).values.tolist()[0]  # the minimax
    [1.125, 1.125, 1.125]
    """
    import pandas as pd

    if problem.coupling is not None or problem.opaque:
        raise ProblemError("Losses are capped where agents seek one common model and answer in JAX.")
    free = _capped(problem, None, x0)
    least = least_excess(problem, 0.0, x0)
    active = problem.weights > 0
    top = float(free.losses[active].max())
    if top - least.excess <= 1e-9 * np.abs(free.losses[active]).max():
        raise MethodError(f"The largest loss is {top:.6g} with a cap or without: there is nothing to trade.")
    rows = [_row(problem, least.excess, least.losses, None)]
    for cap in np.linspace(least.excess, top, caps + 2)[1:-1]:
        outcome = _capped(problem, float(cap), x0)
        rows.append(_row(problem, float(cap), outcome.losses, outcome.prices))
    rows.append(_row(problem, np.nan, free.losses, np.zeros(problem.K)))
    return TradeOff(pd.DataFrame(rows), list(problem.names))


def _capped(problem: Problem, cap: float | None, x0: Any) -> Any:
    """The optimum under a cap; the one number that changes from run to run compiles nothing anew."""
    stop = Stop(rounds=ROUNDS, progress=1e-11)
    return run(problem, LossCaps(cap=np.inf if cap is None else cap), x0, stop=stop)


def _row(problem: Problem, cap: float, losses: np.ndarray, prices: np.ndarray | None) -> dict[str, float]:
    active = problem.weights > 0
    mean = float(problem.weights[active] @ losses[active])
    told = np.full(problem.K, np.nan) if prices is None else prices
    row = {"cap": cap, "objective": mean, "largest": float(losses[active].max())}
    return row | dict(zip(problem.names, map(float, told), strict=True))
