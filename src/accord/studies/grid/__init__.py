"""A power grid: nodal prices by a market maker, without one, when a line fails, and in how many rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from accord import methods, networks
from accord.channels import silence
from accord.core.formatting import count, number
from accord.core.stopping import Stop
from accord.errors import UnknownName
from accord.problems.centralised_coupled import clear
from accord.problems.instances.power_flow import OptimalPowerFlow, optimal_power_flow
from accord.problems.instances.power_grid import ieee, pjm5
from accord.results.reports.sections import Chapter
from accord.results.run import Run
from accord.run import run as solve
from accord.studies.grid import figures
from accord.studies.sections import side_by_side

if TYPE_CHECKING:
    from accord.studies.study import Study

TRACKING = methods.TrackingADMM(penalty=0.05)
ALONG_THE_LINES = Stop(rounds=40_000, progress=0)
ROUNDS_OF_SILENCE, SILENT = 20, (0.005, 0.02)
BY_LINE = methods.ExchangeADMM(penalty=0.5)
STIFF = methods.ExchangeADMM(penalty=0.005, metric=3.0)
BY_BUS = methods.ExchangeADMM(penalty=0.1)
UNTIL_EXACT = Stop(rounds=1000, progress=0)
CURVED, STRAIGHT = Stop(rounds=200, progress=0), Stop(rounds=2500, progress=0)  # cost lines
CASES: Mapping[str, int | None] = {"pjm5": None, "case14": 15, "case30": 21, "case300": 26}
NEAR = 1.0  # MW, 0.01 of the usual base of 100 MW


def problem(case: str, limits: dict[str, float] | None = None) -> OptimalPowerFlow:
    """A case of PYPOWER, or "pjm5"; `limits`: MW by line, "4-5", as the buses are called, with a hyphen."""
    grid = pjm5() if case == "pjm5" else ieee(case)
    most = grid.limit.copy()
    for name, limit in (limits or {}).items():
        if (line := name.replace("-", "–")) not in grid.lines:
            raise UnknownName("line", line, grid.lines, f" in {case}")
        most[grid.lines.index(line)] = limit
    return optimal_power_flow(replace(grid, limit=most))


def network(problem: Any) -> networks.Network:
    """The lines of the grid: every agent is linked to its neighbours there."""
    return networks.metropolis(problem.graph()).best_constant()


class Solved(NamedTuple):
    """An optimal power flow, as a centralised solver finds it."""

    flow: OptimalPowerFlow
    power: np.ndarray  # (G,) MW
    prices: np.ndarray  # (n,) $/MWh
    rents: np.ndarray  # of each limited line, $/MWh in the direction of its flow
    cost: float  # $/h

    @classmethod
    def of(cls, flow: OptimalPowerFlow) -> Solved:
        """Solve by an interior-point method that sees everything."""
        x, prices, cost = clear(flow)
        return cls(flow, flow.power(x), flow.nodal_prices(prices), np.abs(prices[1:]), cost)

    @property
    def flows(self) -> np.ndarray:
        """(L,), MW."""
        return self.flow.grid.flows(self.power)


def chapters(study: Study, run: Run) -> Iterator[Chapter]:
    """The map of prices; without a market maker; a line fails; agents fall silent; rounds, and published ones."""
    flow = cast(OptimalPowerFlow, study.problem)
    best = Solved.of(flow)
    yield on_the_map(flow, run, best)
    yield without_a_market_maker(flow, best)
    yield a_line_fails(flow, best)
    yield agents_fall_silent(flow, run, best)
    yield how_many_rounds()


def on_the_map(flow: OptimalPowerFlow, run: Run, best: Solved) -> Chapter:
    """Nodal prices, and the lines that make them differ."""
    import pandas as pd

    grid, prices, power = flow.grid, flow.nodal_prices(run.prices), flow.power(run.x)
    flows, rents = grid.flows(power), np.abs(np.asarray(run.prices)[1:])
    free = Solved.of(optimal_power_flow(replace(grid, limit=np.full(len(grid.limit), np.inf))))
    dear, cheap = int(np.argmax(prices)), int(np.argmin(prices))
    full = [i for i, line in enumerate(flow.limited) if abs(flows[line]) > grid.limit[line] - 1e-3]
    text = f"""Were every line wide enough, a megawatt would cost {number(free.prices.mean())} $/MWh everywhere, and
    all of it {count(free.cost)} $/h. But {len(full)} of the {len(flow.limited)} narrow lines are full. Behind them
    power piles up and is cheap, before them it is scarce: {number(prices[cheap])} at bus {grid.buses[cheap]},
    {number(prices[dear])} at bus {grid.buses[dear]}. That costs {count(best.cost - free.cost)} $/h more, and tells
    where a plant, or a line, would be worth its money.

    The centralised solver, which sees every cost, has the same price at each bus to within
    {number(float(np.abs(prices - best.prices).max()), 2)} $/MWh."""
    lines = flow.limited[full]
    table = pd.DataFrame(
        {
            "full line": [grid.lines[line] for line in lines],
            "limit, MW": grid.limit[lines],
            "MW more saves, $/h": rents[full],
            "earns, $/h": rents[full] * np.abs(flows[lines]),
        }
    )
    return Chapter("Where power is dear, and why", text, figures.price_map(grid, prices, power), table)


def without_a_market_maker(flow: OptimalPowerFlow, best: Solved) -> Chapter:
    """Tracking ADMM along the lines."""
    lengths = [500, 2000, 8000, ALONG_THE_LINES.rounds]
    net = network(flow)
    runs = {
        rounds: solve(flow, TRACKING, network=net, stop=replace(ALONG_THE_LINES, rounds=rounds), record=200)
        for rounds in lengths
    }
    last = runs[lengths[-1]]
    off = {rounds: np.abs(flow.nodal_prices(run.prices) - best.prices).max() for rounds, run in runs.items()}
    text = f"""Nobody needs to add up. Let every bus, and every narrow line, keep prices of its own and an estimate of
    what is missing, and average both with its neighbours along the lines of the grid: Tracking-ADMM. Nobody sees more
    than its neighbours' numbers, and after {count(last.rounds)} rounds the prices are those of the market maker to
    within {number(float(off[lengths[-1]]), 2)} $/MWh.

    It takes longer, since news travels from bus to bus: the grid's spectral gap is {number(net.gamma, 2)}."""
    figure = figures.prices_settle({rounds: flow.nodal_prices(run.prices) for rounds, run in runs.items()}, best.prices)
    return Chapter("The same prices, and nobody in the middle", text, figure)


def a_line_fails(flow: OptimalPowerFlow, best: Solved) -> Chapter:
    """The market again without one line, for each of the narrow ones."""
    import pandas as pd

    grid = flow.grid
    broken = {grid.lines[line]: optimal_power_flow(grid.without_line(line)) for line in flow.limited}
    runs = {name: solve(rest, BY_LINE, stop=UNTIL_EXACT, record=10) for name, rest in broken.items()}
    costs = {name: float(run.history["objective"].iloc[-1]) - best.cost for name, run in runs.items()}
    worst, kindest = max(costs, key=lambda name: costs[name]), min(costs, key=lambda name: costs[name])
    prices = {name: broken[name].nodal_prices(run.prices) for name, run in runs.items()}
    off = float(np.abs(prices[worst] - Solved.of(broken[worst]).prices).max())
    most = int(np.argmax(np.abs(prices[worst] - best.prices)))
    text = f"""The line {worst} trips. Its agent leaves, the shift factors are others, and the market clears again:
    after {count(_settled(runs[worst]))} rounds less than {NEAR:g} MW is missing, and the prices end within
    {number(off, 2)} $/MWh of the centralised solver's. The hour costs {count(costs[worst])} $ more, and bus
    {grid.buses[most]} feels it most: {number(best.prices[most])} $/MWh before, {number(prices[worst][most])} after."""
    if costs[kindest] < -1:
        text += f"""

        Without the line {kindest} power gets cheaper, by {count(-costs[kindest])} $ an hour: it takes a share of what
        passes from one side of the grid to the other, fills up, and holds back all lines beside it. More lines are not
        always better (Braess 1968; Wu, Varaiya, Spiller, Oren 1996)."""
    table = pd.DataFrame(
        {
            "line that fails": list(costs),
            "costs more, $/h": list(costs.values()),
            "lowest price": [float(p.min()) for p in prices.values()],
            "highest": [float(p.max()) for p in prices.values()],
            "rounds": [_settled(run) for run in runs.values()],
        }
    )
    change = prices[worst] - best.prices
    return Chapter(f"When the line {worst} fails", text, figures.change_map(grid, change, worst), table)


def agents_fall_silent(flow: OptimalPowerFlow, run: Run, best: Solved) -> Chapter:
    """The market when some agents do not answer for a while."""
    import pandas as pd

    runs = {"all answer": run} | {
        f"{100 * rate:g} % fall silent a round": solve(
            flow, BY_LINE, channel=silence(rate, ROUNDS_OF_SILENCE), stop=UNTIL_EXACT, record=5
        )
        for rate in SILENT
    }
    table = pd.DataFrame(
        {
            "agents": list(runs),
            "silent at a time, %": [0.0, *(100 * _silent_share(rate) for rate in SILENT)],
            "rounds to 1 MW": [_settled(one) for one in runs.values()],
            "prices are off by": [_off(flow, one, best) for one in runs.values()],
        }
    )
    text = f"""Now and then an agent says nothing for {ROUNDS_OF_SILENCE} rounds, a plant that lost its line to the
    market or a computer that starts anew. The market maker goes by its last word. Since agents say where they stand,
    and not by how much they moved, an old word does no lasting harm: the market is later, and its prices are the same.
    If very many are silent, the prices tremble as long as they are."""
    return Chapter("When agents fall silent", text, figures.missing(runs), table)


def _off(flow: OptimalPowerFlow, run: Run, best: Solved) -> float:
    return float(np.abs(flow.nodal_prices(run.prices) - best.prices).max())


def _silent_share(rate: float) -> float:
    """Return the share that is silent at a time, where agents fall silent at a rate for ROUNDS_OF_SILENCE."""
    return rate * ROUNDS_OF_SILENCE / (1 + rate * ROUNDS_OF_SILENCE)


def _settled(run: Run) -> int:
    """The first record from which on less than NEAR is missing."""
    rounds, missing = run.history["round"].to_numpy(), run.history["violation"].to_numpy()
    far = np.flatnonzero(missing >= NEAR)
    return int(rounds[min(far[-1] + 1, len(rounds) - 1)]) if len(far) else 0


def how_many_rounds() -> Chapter:
    """Standard cases: the centralised price, and rounds until less than a megawatt is missing."""
    import pandas as pd

    flows = {name: problem(name) for name in CASES}
    runs = side_by_side({name: lambda f=f: _counted(f) for name, f in flows.items()})
    rows = [_row(name, flows[name], runs[name], CASES[name]) for name in CASES]
    text = f"""Exchange ADMM in which each bus gives way by its own stiffness: who answers a price with many megawatts
    takes more of what is missing. Rounds are counted until less than {NEAR:g} MW is missing, a hundredth of the usual
    base, and the cost is right to a thousandth; and, since numbers may pass through zero on their way, until that holds
    for good. Prices are compared with a centralised solver's after {count(CURVED.rounds)} rounds, those of pjm5 after
    {count(STRAIGHT.rounds)}.

    The published counts are of ADMM on sixteen cores until a mismatch below 0.01. Here everybody knows the network, and
    only costs and limits are private, which is worth rounds; so it is no race on equal terms. pjm5 has straight cost
    lines and a full line, the hardest kind for prices, and takes the most rounds."""
    return Chapter("Standard cases, and how many rounds they take", text, None, pd.DataFrame(rows))


def _counted(flow: OptimalPowerFlow) -> Run:
    curved = flow.grid.cost2.any()
    return solve(flow, STIFF if curved else BY_BUS, stop=CURVED if curved else STRAIGHT, record=1)


def _row(name: str, flow: OptimalPowerFlow, run: Run, published: int | None) -> dict[str, Any]:
    best, history = Solved.of(flow), run.history
    right = (history["objective"] - best.cost).abs() < 1e-3 * best.cost
    near = ((history["violation"] < NEAR) & right).to_numpy()
    return {
        "case": name,
        "buses": len(flow.grid.buses),
        "cost, $/h": best.cost,
        "price, $/MWh": _span(best.prices),
        "prices are off by": _off(flow, run, best),
        "rounds": int(np.argmax(near)),
        "for good": int(len(near) - np.argmin(near[::-1])),
        "published": "–" if published is None else str(published),
    }


def _span(prices: np.ndarray) -> str:
    low, high = prices.min(), prices.max()
    return number(low) if high - low < 1e-6 * abs(high) else f"{number(low)} to {number(high)}"
