"""Optimal power flow: plants and lines as agents of a market that clears at every bus of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.problems.instances.power_grid import Grid
from accord.problems.objectives import CostCurve
from accord.problems.problem import Coupled

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, init=False, eq=False)
class OptimalPowerFlow(Coupled):
    """A grid's plants and lines, and the constraint that they share; see `optimal_power_flow`.

    >>> from accord.problems.centralised_coupled import clear
    >>> from accord.problems.grids import pjm5
    >>> flow = optimal_power_flow(pjm5())
    >>> x, prices, cost = clear(flow)
    >>> flow.nodal_prices(prices).round(4).tolist(), flow.power(x).round(4).tolist(), round(cost, 4)
    ([16.9774, 26.3845, 30.0, 39.9427, 10.0], [40.0, 170.0, 323.4948, 0.0, 466.5052], 17479.8969)
    """

    grid: Grid
    limited: np.ndarray  # the places of the lines that have a limit: those that are agents
    plants_at: int  # the most plants that a bus has: the decisions of an agent

    def __init__(self, grid: Grid) -> None:
        limited = np.flatnonzero(np.isfinite(grid.limit))
        slots = _slots(grid.plants)
        d, n, L = int(slots.max()) + 1, len(grid.buses), len(limited)
        columns = np.vstack([np.ones(n), grid.shift_factors[limited]])  # (m, n): what one MW at a bus adds to each row
        A = np.zeros((n + L, 1 + L, d))
        A[:n] = -columns.T[:, :, None]
        A[n:, 1:, 0] = np.eye(L)
        bounds = np.zeros((2, n + L, d))
        bounds[:, grid.plants, slots] = grid.least, grid.most
        bounds[:, n:, 0] = -grid.limit[limited], grid.limit[limited]
        curves = np.zeros((3, n + L, d))
        curves[:, grid.plants, slots] = grid.cost2, grid.cost1, grid.cost0
        names = [*(f"bus {bus}" for bus in grid.buses), *(f"line {grid.lines[line]}" for line in limited)]
        idle = grid.incidence.T @ grid.shift  # what phase shifters take from the buses
        b = -columns @ (grid.demand + idle) + np.append(0, grid.shift[limited])
        Coupled.__init__(
            self,
            CostCurve(),
            [tuple(part[None] for part in curves[:, k]) for k in range(n + L)],
            A,
            b,
            lower=bounds[0],
            upper=bounds[1],
            names=names,
        )
        for name, value in (("grid", grid), ("limited", limited), ("plants_at", d)):
            object.__setattr__(self, name, value)

    def power(self, x: Any) -> np.ndarray:
        """(G,), MW of each plant, from the decisions of a run."""
        return np.asarray(x)[self.grid.plants, _slots(self.grid.plants)]

    def nodal_prices(self, prices: Any) -> np.ndarray:
        """(n,), $/MWh at each bus: what the prices of the shared rows charge for one MW taken out there.

        That of the balance, and what the use of each full line costs: π = λ₀ + Hᵀμ.
        """
        price, rents = np.asarray(prices)[0], np.asarray(prices)[1:]
        return price + self.grid.shift_factors[self.limited].T @ rents

    def graph(self) -> nx.Graph:
        """Return the graph of possible links: along the lines, and through a line with a limit, itself an agent."""
        import networkx as nx

        n, graph = len(self.grid.buses), nx.Graph(name=f"the lines of {self.grid.name}")
        graph.add_nodes_from(range(self.K))
        places = {line: n + i for i, line in enumerate(self.limited)}
        for line, (one, other) in enumerate(self.grid.ends.tolist()):
            way = [one, places[line], other] if line in places else [one, other]
            graph.add_edges_from(pairwise(way))
        return graph


def optimal_power_flow(grid: Grid) -> OptimalPowerFlow:
    """Direct-current optimal power flow: the cheapest way to serve all demand over the lines of a grid.

    Minimise Σ c₂P² + c₁P + c₀ such that plants and demand balance, and that line l carries f_l = Σ_i H_li (P_i − D_i)
    within its limit. Every bus is an agent, which alone knows what its plants cost and can; every line that has a limit
    is an agent too, which sells its capacity: it has no cost, and what it earns is the congestion rent. Rows: the
    balance, then one a limited line. The network is known to all, by its shift factors H.

    The price at each bus is `nodal_prices(run.prices)`.

    >>> import accord
    >>> flow = optimal_power_flow(accord.problems.grids.pjm5())
    >>> run = accord.run(flow, accord.ExchangeADMM(0.1), stop=accord.Stop(rounds=3000, progress=0))
    >>> flow.nodal_prices(run.prices).round(2).tolist()
    [16.98, 26.38, 30.0, 39.94, 10.0]
    """
    return OptimalPowerFlow(grid)


def _slots(plants: np.ndarray) -> np.ndarray:
    """The number of each plant among those at its bus."""
    return np.array([int(np.sum(plants[:k] == bus)) for k, bus in enumerate(plants)])
