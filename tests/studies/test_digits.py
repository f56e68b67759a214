"""The digits: dealt out once each, judged by rows that nobody trained on; SCAFFOLD leads where clients differ."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

import accord
from accord.errors import MissingExtra
from accord.problems.data.sources.sklearn import digits as handwritten
from accord.results.reports.sections import written
from accord.studies import digits, load
from accord.studies.study import Study

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def study() -> Study:
    return dataclasses.replace(load("digits"), problem=digits.problem(clients=20), stop=accord.Stop(40, progress=0.0))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two splits, two methods, one seed: each pair is a program to compile."""
    variants = digits.variants
    monkeypatch.setattr(digits, "ALPHAS", (100.0, 0.1))
    monkeypatch.setattr(digits, "SEEDS", (0,))
    monkeypatch.setattr(digits, "variants", lambda study: {n: variants(study)[n] for n in ("FedAvg", "SCAFFOLD")})


def test_every_digit_is_either_trained_on_once_or_held_out() -> None:
    features, labels = handwritten()
    problem, (_, tested) = digits.problem(), digits.halves()[1]
    given = np.concatenate([shard[1] for shard in problem.shards] + [tested])
    np.testing.assert_array_equal(np.bincount(given), np.bincount(labels))
    trained = {row.tobytes() for shard in problem.shards for row in shard[0]}
    held = {row.tobytes() for row in digits.halves()[1].features}
    assert not trained & held
    assert features.min() == 0 and features.max() == 1  # noqa: PT018


def test_ones_own_model_is_the_optimum_of_ones_own_loss() -> None:
    features, labels = (np.asarray(part[:60], float if part.ndim > 1 else int) for part in digits.halves()[0])
    alone = accord.problems.softmax([(features, labels)], digits.CLASSES, l2=0.1)
    found = digits.own_model(features, labels, l2=0.1, steps=2000, step_size=0.2)
    np.testing.assert_allclose(found, alone.solve(), atol=1e-6)


def test_without_scikit_learn_the_study_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    digits.halves.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install '\.\[sklearn\]'"):
        load("digits")


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_scaffold_leads_where_clients_differ_and_nobody_reads_much_alone(study: Study) -> None:
    problems = {alpha: digits.problem(20, alpha) for alpha in digits.ALPHAS}
    alike, apart = digits.compared(study, problems)
    last = {split.alpha: {name: curve[0, -1] for name, curve in split.curves.items()} for split in (alike, apart)}
    assert last[100.0]["FedAvg"] > 0.93 > 0.6 > np.median(apart.alone)
    assert last[0.1]["SCAFFOLD"] > last[0.1]["FedAvg"]
    assert np.median(alike.alone) > np.median(apart.alone) + 0.2
    told = [written(digits.alone([alike, apart])), written(digits.classical([alike, apart]))]
    assert all(section.picture.startswith("data:image/svg") for section in told)
    assert "with SCAFFOLD ahead" in told[1].paragraphs[0]
    assert told[1].table is not None
    assert [row.cells[0] for row in told[1].table.rows] == ["FedAvg", "SCAFFOLD"]
