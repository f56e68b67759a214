"""What a study tells besides its run: where it comes from, how it stands on the page, and that it is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from accord.errors import SavedRunError
from accord.results.reports.context import ReportContext
from accord.results.reports.html import write
from accord.results.reports.sections import Chapter, written
from accord.studies import load
from accord.studies.sections import module_of


def drawn() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [1, 0], color="#20262b")
    return figure


def test_a_study_tells_the_chapters_of_its_module() -> None:
    study = load("dispatch")
    assert list(study.chapters(study.run())) == []
    module: Any = SimpleNamespace(chapters=lambda study, run: iter([Chapter(study.name, str(run.rounds))]))
    run = study.run()
    assert list(dataclasses.replace(study, module=module).chapters(run)) == [Chapter("dispatch", str(run.rounds))]


def test_nothing_beside_a_study_of_ones_own_is_executed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise AssertionError")
    (tmp_path / "mine.toml").write_text("")
    assert module_of(tmp_path / "mine.toml") is None


def test_chapters_stand_on_the_page_and_are_kept_beside_the_run(tmp_path: Path) -> None:
    chapter = Chapter("Who <gains>", "One.\n\nTwo.", drawn(), pd.DataFrame({"who": ["north"], "cows": [1200]}))
    run = load("dispatch").run()
    page = write(run, tmp_path, ReportContext(chapters=(written(chapter),)))
    told = page.read_text()
    assert all(part in told for part in ("Who &lt;gains&gt;", "<p>Two.</p>", "data:image/svg+xml;base64,", "1,200"))
    page.unlink()
    assert write(run, tmp_path, ReportContext.of(tmp_path)).read_text() == told


def test_a_kept_picture_must_be_an_image(tmp_path: Path) -> None:
    ReportContext(chapters=(written(Chapter("A", "B", drawn())),)).keep(tmp_path)
    path = tmp_path / "story.json"
    path.write_text(path.read_text().replace("data:image/svg+xml", "https://elsewhere.example/"))
    with pytest.raises(SavedRunError, match=r"story\.json is damaged"):
        ReportContext.of(tmp_path)
