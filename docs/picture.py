"""The picture of the README: five methods on the four hospitals. Run it again when methods change.

python docs/picture.py
"""

from __future__ import annotations

from pathlib import Path

import accord
from accord.results.reports.figures import comparison_figure
from accord.studies import load
from accord.studies.baselines import pooled

HERE = Path(__file__).parent


def main() -> None:
    """Draw `assets/hospitals.svg`."""
    problem, stop = load("hospitals").problem, accord.Stop(rounds=1500, progress=0.0)
    network = accord.networks.complete(problem.K)
    local = accord.GradientDescent(steps=5)
    runs = {
        "FedAvg": accord.run(problem, accord.FedAvg(local), stop=stop, record=5),
        "SCAFFOLD": accord.run(problem, accord.SCAFFOLD(local), stop=stop, record=5),
        "DGD": accord.run(problem, accord.DGD(), network=network, stop=stop, record=5),
        "GradientTracking": accord.run(problem, accord.GradientTracking(), network=network, stop=stop, record=5),
        "Newton": accord.run(problem, accord.Newton(), stop=accord.Stop(rounds=12, progress=0.0), record=1),
    }
    comparison_figure(runs, pooled(problem).objective).savefig(HERE / "assets" / "hospitals.svg")


if __name__ == "__main__":
    main()
