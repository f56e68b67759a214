"""Every exact method among peers, on the hard instance and random quadratics: rounds, gradients, bits, the floor.

A round here is one vector from every agent to each neighbour. Every hyper-parameter is chosen by the package from the
curvature of the problem and the spectrum of the network; nothing is tuned by hand. Results go to `benchmarks/results/`.

    python benchmarks/scoreboard.py [--kappas 100 1000 10000]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from arrival import arrival
from machine import RESULTS, write

import accord
from accord.errors import AccordError
from accord.methods import METHODS, pattern_of
from accord.methods.traits import is_coupled

SEED, TOLERANCE, AGENTS = 0, 1e-8, 16
PATIENCE = 15  # times the floor that a method may take


class Race(NamedTuple):
    """A problem, where it is run, and the fewest rounds that any method needs."""

    name: str
    problem: accord.Problem
    network: Any
    floor: int | None


class Row(NamedTuple):
    """One method in one race."""

    race: str
    method: str
    oracle: str
    rounds: float
    gradients: float
    bits: float
    ratio: float  # rounds over the floor, or over the best where no floor is known
    settings: dict[str, float]


def races(kappas: list[float]) -> Iterator[Race]:
    for kappa in kappas:
        floor = accord.problems.floor_of_hard_instance(kappa, TOLERANCE, AGENTS)
        yield Race(
            f"hard instance, κ = {kappa:g}",
            accord.problems.hard_instance(kappa, AGENTS),
            accord.networks.path(AGENTS),
            floor,
        )
    for kappa in kappas[:2]:
        yield Race(f"random quadratics, κ = {kappa:g}", random_quadratics(kappa), accord.networks.ring(AGENTS), None)


def random_quadratics(kappa: float, d: int = 20) -> accord.Problem:
    """Each agent its own eigenvectors, eigenvalues from 1 to κ uniform in their logarithm, and its own centre."""
    random = np.random.default_rng(SEED)
    bases = [np.linalg.qr(random.normal(size=(d, d)))[0] for _ in range(AGENTS)]
    H = np.stack([Q * np.geomspace(1, kappa, d) @ Q.T for Q in bases])
    return accord.problems.quadratic((H + np.swapaxes(H, 1, 2)) / 2, random.normal(size=(AGENTS, d)))


def entrants() -> list[Any]:
    """Every exact method of full gradients for undirected networks."""
    methods = [(kind.__name__, kind()) for kind in METHODS]
    return [
        (name, method)
        for name, method in methods
        if pattern_of(method) == "peers" and not is_coupled(method) and method.exact is True and not method.asynchronous
    ]


def run(race: Race) -> list[Row]:
    answer = np.ravel(race.problem.solve())
    patience = PATIENCE * (race.floor or 1000)
    found = []
    for name, method in entrants():
        try:
            got = arrival(race.problem, method, race.network, answer, TOLERANCE, patience)
        except AccordError as refusal:
            print(f"{name} refuses: {refusal}")
            continue
        found.append(Row(race.name, name, method.needs[0], *got[:3], math.nan, got.settings))
    best = race.floor or min(row.rounds for row in found)
    return sorted((row._replace(ratio=row.rounds / best) for row in found), key=lambda row: row.rounds)


def told(race: Race, rows: list[Row]) -> str:
    """A table of one race."""
    unit = "× floor" if race.floor else "× best"
    lines = [f"\n{race.name}" + (f", floor {race.floor} rounds" if race.floor else "")]
    lines += [f"{'method':32}{'rounds':>9}{unit:>9}{'gradients':>11}{'Mbit':>9}  oracle"]
    for row in rows:
        counts = f"{row.rounds:9.0f}{row.ratio:9.2f}{row.gradients:11.0f}{row.bits / 1e6:9.0f}"
        late = f"{'not there':>9}{f'> {PATIENCE}':>9}{'':20}"
        lines.append(f"{row.method:32}{counts if math.isfinite(row.rounds) else late}  {row.oracle}")
    return "\n".join(lines)


def draw(rows: list[Row], path: Any) -> None:
    """Rounds over the floor on the hard instance, a panel a condition number."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row.race for row in rows if row.race.startswith("hard")))
    figure, panels = plt.subplots(1, len(names), figsize=(4.2 * len(names), 6.5), squeeze=False, layout="constrained")
    for panel, name in zip(panels[0], names, strict=True):
        shown = [row for row in rows if row.race == name and math.isfinite(row.ratio)][::-1]
        colours = ["tab:orange" if row.oracle in ("conjugate_grad", "prox") else "tab:blue" for row in shown]
        bars = panel.barh([row.method for row in shown], [row.ratio for row in shown], color=colours)
        panel.bar_label(bars, [f"{row.ratio:.2f}" for row in shown], padding=3, fontsize=8)
        panel.axvline(1, color="black", linewidth=1)
        panel.set(title=name, xscale="log", xlabel="rounds over the floor", xlim=(0.9, 3 * PATIENCE))
    figure.suptitle("No method is faster than 1. Blue: gradients alone. Orange: dual gradients or proximal steps.")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kappas", type=float, nargs="+", default=[1e2, 1e3, 1e4])
    rows: list[Row] = []
    for race in races(parser.parse_args().kappas):
        own = run(race)
        print(told(race, own), flush=True)
        rows += own
    table = [{name: _finite(value) for name, value in row._asdict().items()} for row in rows]
    write("scoreboard", {"tolerance": TOLERANCE, "rows": table})
    draw(rows, RESULTS / "scoreboard.png")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
