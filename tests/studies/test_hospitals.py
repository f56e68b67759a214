"""The story of the hospitals: what it judges by is right, and what it claims is so."""

from __future__ import annotations

import numpy as np
import pytest

from accord.results.reports.sections import Chapter, written
from accord.studies import load
from accord.studies.hospitals import models, validation
from accord.studies.hospitals.models import ALONE, BASE, PERSONAL, RATE, TOGETHER, Rows
from accord.studies.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return load("hospitals")


@pytest.fixture(scope="module")
def rows(study: Study) -> Rows:
    return Rows.of(study.problem)


def everyone(rows: Rows) -> list[np.ndarray]:
    return [np.ones(len(b), bool) for b in rows.b]


def test_the_common_model_is_the_answer_of_all_rows(study: Study, rows: Rows) -> None:
    np.testing.assert_allclose(rows.common(everyone(rows)), study.problem.solve(), atol=1e-7)


def test_the_mean_risk_is_the_share_that_fell_ill(study: Study, rows: Rows) -> None:
    risks = 1 / (1 + np.exp(-np.concatenate(rows.A) @ study.problem.solve()))
    assert risks.mean() == pytest.approx(79 / 602, abs=1e-9)


def test_a_hospital_without_an_event_has_the_log_odds_of_its_rate(rows: Rows) -> None:
    own = validation.fitted(rows.A[3], rows.b[3], rows.l2)
    np.testing.assert_array_equal(own, [*np.zeros(len(own) - 1), np.log(0.5 / 3.5)])


def test_a_personal_model_lies_between_ones_own_and_the_common_one(rows: Rows) -> None:
    A, b, common = rows.A[0], rows.b[0], rows.common(everyone(rows))
    own, near = (validation.fitted(A, b, rows.l2, pull=pull, towards=common) for pull in (1e-9, 1e9))
    np.testing.assert_allclose(own, validation.fitted(A, b, rows.l2), atol=1e-6)
    np.testing.assert_allclose(near, common, atol=1e-6)


def test_an_auc_counts_pairs_and_a_tie_is_half() -> None:
    scores, labels = np.array([[3.0, 1.0, 2.0, 1.0, 0.0]]), np.array([1, 1, 0, 0, 0])
    assert validation.auc(scores, labels).value == pytest.approx((3 + 0 + 0.5 + 1) / 6)
    assert np.isnan(validation.auc(scores, labels).low)  # two events
    assert np.isnan(validation.auc(scores, 0 * labels).value)  # none


def test_an_interval_of_an_auc_covers_the_truth_as_often_as_it_says() -> None:
    random, inside = np.random.default_rng(0), 0
    labels = np.arange(80) < 30
    for _ in range(200):
        scores = random.normal(size=80) + labels  # the AUC is Φ(1/√2) = 0.7602
        found = validation.auc(scores[None], labels)
        inside += found.low <= 0.7602 <= found.high
    assert 0.90 <= inside / 200 <= 0.99


def test_ones_own_base_rate_foretells_as_many_as_fell_ill() -> None:
    labels = np.arange(10_000) < 1_000
    scores = np.random.default_rng(0).normal(size=10_000)
    delta = validation.own_base(scores, labels)
    assert (1 / (1 + np.exp(-scores - delta))).mean() == pytest.approx(0.1, abs=1e-3)


def test_what_became_of_the_patients_held_out_is_not_known_to_the_models(rows: Rows) -> None:
    kept = np.arange(len(rows.b[0])) % 5 > 0
    other = rows._replace(b=[np.where(kept, rows.b[0], 1 - rows.b[0]), *rows.b[1:]])
    common = rows.common([kept, *everyone(rows)[1:]])
    np.testing.assert_array_equal(other.common([kept, *everyone(rows)[1:]]), common)
    for one, two in zip(models._one(rows, 0, kept, common, 0.3), models._one(other, 0, kept, common, 0.3), strict=True):
        np.testing.assert_array_equal(one[1], two[1])


def test_a_base_rate_of_ones_own_beats_the_common_model_and_the_rate_alone(rows: Rows) -> None:
    scores = models.held_out(rows, pull=0.3, repetitions=4)
    lost = {
        kind: np.concatenate([validation.losses(z, b) for z, b in zip(scores[kind], rows.b, strict=True)])
        for kind in (ALONE, TOGETHER, BASE, RATE, PERSONAL)
    }
    assert lost[BASE].mean() < min(lost[RATE].mean(), lost[TOGETHER].mean())
    assert max(lost[RATE].mean(), lost[TOGETHER].mean()) < lost[ALONE].mean()
    assert lost[PERSONAL].mean() < lost[ALONE].mean()


@pytest.mark.slow
def test_the_chapters_are_told_and_ditto_finds_the_personal_models(study: Study, rows: Rows) -> None:
    told: dict[str, Chapter] = {chapter.title: chapter for chapter in study.chapters(study.run())}
    assert next(iter(told)) == "Five methods, one model"
    assert "GradientTracking, SCAFFOLD and Newton reach the model that all\n" in told["Five methods, one model"].text
    assert "after 4 rounds and 51.7 kB" in told["Five methods, one model"].text
    assert "Nobody does best alone." in told["A model of one's own"].text
    assert "in any weight" in told["A model of one's own"].text
    assert "10⁻¹" in told["A model of one's own"].text  # by how much Ditto misses them
    assert all(written(chapter).picture.startswith("data:image/svg") for chapter in told.values() if chapter.figure)
