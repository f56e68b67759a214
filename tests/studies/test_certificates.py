"""What is proved of an answer holds against the centralised one, on every study that ships, half way and at its end.

None is given for the hospitals, whose intercept no penalty holds, and for the rendezvous, whose losses are distances:
neither has a μ above 0.
"""

from __future__ import annotations

import dataclasses

import pytest

import accord
from accord.problems.problem import Problem
from accord.studies import PACKAGED, load
from accord.studies.baselines import pooled
from accord.studies.charging import problem as charging
from accord.studies.study import Study

pytestmark = pytest.mark.slow  # six studies run and are solved

UNPROVED = {"hospitals", "rendezvous"}


def solvable(name: str) -> Study:
    """The study; of the thousand cars the first ten, since no planner solves for all."""
    study = load(name)
    if name != "charging":
        return study
    few: Problem = charging(cars=10, limit=12.0, day="2026-01-14 12:00")
    return dataclasses.replace(study, problem=few)


@pytest.mark.parametrize("name", [name for name in PACKAGED if name not in UNPROVED])
def test_a_certificate_holds_against_the_centralised_answer(name: str) -> None:
    study = solvable(name)
    best = pooled(study.problem)
    half_way = accord.Stop(rounds=10, progress=0)
    for run in (study.run(stop=half_way), study.run()):
        proved = run.certificate
        assert proved is not None
        rounding = 1e-8 * abs(best.objective)  # of the centralised answer
        assert run.history["objective"].iloc[-1] - best.objective <= proved.gap + rounding
        if proved.mu > 0:
            assert best.distance(run.x) <= proved.distance * (1 + 1e-8)
    assert study.problem.coupling is not None or proved.mu > 0


@pytest.mark.parametrize("name", sorted(UNPROVED))
def test_where_no_curvature_is_known_nothing_is_proved(name: str) -> None:
    assert load(name).run(stop=accord.Stop(rounds=1)).certificate is None
