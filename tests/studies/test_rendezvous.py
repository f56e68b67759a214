"""The fleet: it finds the place of least way, on links that fail too, and the map of all bearings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import accord
from accord.networks.connectivity import components
from accord.results.reports.sections import written
from accord.run import Moment
from accord.studies import load, rendezvous
from accord.studies.rendezvous import Fleet, scene
from accord.studies.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return load("rendezvous")


@pytest.fixture(scope="module")
def fleet(study: Study) -> Fleet:
    return Fleet.of(study)


def test_the_way_is_smooth_near_a_post_and_the_distance_far_from_it() -> None:
    way, post = scene.Way(0.5), np.zeros(2)
    assert float(way(post, post)) == 0
    assert float(way(np.array([300.0, 400.0]), post)) == pytest.approx(500 - 0.5, abs=1e-3)


def test_the_median_is_where_all_pulls_cancel(fleet: Fleet) -> None:
    away = fleet.posts - scene.median(fleet.posts)
    np.testing.assert_allclose((away / np.linalg.norm(away, axis=1, keepdims=True)).sum(0), 0, atol=1e-9)
    assert np.linalg.norm(scene.median(fleet.posts) - fleet.meeting) < 0.02  # 20 m: of the smoothing


def test_the_fleet_is_never_in_one_piece_and_yet_agrees(study: Study, fleet: Fleet) -> None:
    net = study.network
    assert min(len(components(net.size, *net.at(t).edges[:2])) for t in range(120)) > 1
    run = study.run()
    assert run.converged
    assert fleet.off(Moment(0, run.x, run.agents))["metres"] < 1


def test_links_that_fail_cost_time_and_no_accuracy(study: Study, fleet: Fleet) -> None:
    lossy = dataclasses.replace(study, stop=accord.Stop(rounds=2400, progress=0.0))
    run = lossy.run(network=study.network.lose(0.6), record=400, measure=fleet.off)
    assert run.history["metres"].iloc[-1] < 0.05 < 50 < run.history["metres"].iloc[1]


def test_a_bearing_is_a_line_through_the_mast_but_for_its_error(fleet: Fleet) -> None:
    found = scene.surveyed(fleet.places, masts=8, looks=4)
    masts = found.masts.reshape(-1)
    off = np.concatenate([A @ masts - b for A, b in found.problem.shards])
    assert 0 < np.abs(off).max() < scene.SIGHT * np.sin(4 * scene.ERROR)
    assert max(len({m for m, *_ in own}) for own in found.seen) < 8  # nobody sees all


@pytest.mark.slow
def test_the_chapters_are_told(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, less in {"FRAMES": 3, "ROUNDS": 300, "SILENT": (0.6, 0.9)}.items():
        monkeypatch.setattr(rendezvous, name, less)
    told = [written(chapter) for chapter in study.chapters(study.run())]
    assert [section.title for section in told] == [
        "They agree, though never all in touch",
        "The median, not the mean",
        "Links that fail cost time, not truth",
        "A map that nobody could draw alone",
    ]
    assert told[0].picture.startswith("data:image/gif;base64,R0lGOD")
    assert told[1].table is not None
    assert all(section.picture.startswith("data:image/svg") for section in told[2:])
