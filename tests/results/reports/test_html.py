"""The page is one valid, self-contained document that says what happened, the same each time."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from accord.errors import SavedRunError
from accord.results.reports.context import ReportContext, beside_alone, measured
from accord.results.reports.html import write, write_comparison
from accord.results.run import Run

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Reader(HTMLParser):
    """What stands on a page: its text, its ids, what it would fetch, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: Counter[str] = Counter()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            if tag in ("script", "link", "iframe") or (
                name in ("src", "href", "xlink:href") and not (value or "").startswith("#")
            ):
                self.fetched.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    return reader


@pytest.mark.parametrize("pattern", ["server", "peers", "market"])
def test_a_page_is_sound_and_fetches_nothing(pattern: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(pattern)
    page = read(write(run, tmp_path))
    assert page.open == []
    assert page.fetched == []
    assert [name for name, times in page.ids.items() if times > 1] == []
    text = " ".join(" ".join(page.text).split())
    assert all(agent in text for agent in run.facts.agents)
    assert run.reason[1:] in text
    assert run.facts.reference in text


def test_pictures_take_the_colours_of_the_page(server: Run, tmp_path: Path) -> None:
    page = write(server, tmp_path).read_text()
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 3
    assert not any(re.search(r"#[0-9a-f]{6}", re.sub(r'"#[^"]*"|url\(#[^)]*\)', "", drawing)) for drawing in drawings)


def test_the_same_run_gives_the_same_page(peers: Run, tmp_path: Path) -> None:
    assert write(peers, tmp_path / "a").read_bytes() == write(peers, tmp_path / "b").read_bytes()


def test_words_of_the_user_are_text_and_never_markup(peers: Run, tmp_path: Path) -> None:
    page = write(peers, tmp_path, ReportContext(title="<script>alert(1)</script>", notes=("a < b",)))
    assert "<script>" not in page.read_text()
    assert "far &amp; &lt;away&gt;" in page.read_text()


def test_a_page_says_whether_the_run_converged(server: Run, peers: Run, tmp_path: Path) -> None:
    assert 'class="status converged"' in write(server, tmp_path / "a").read_text()
    assert 'class="status converged"' not in write(peers, tmp_path / "b").read_text()


def test_a_comparison_names_every_run_and_why_it_stopped(server: Run, peers: Run, tmp_path: Path) -> None:
    page = read(write_comparison({"one": server, "other": peers}, tmp_path, 1.5, ReportContext(title="Which?")))
    text = " ".join(page.text)
    assert page.open == []
    assert page.fetched == []
    assert all(words in text for words in ("one", "other", "Which?", server.reason, peers.reason))


def test_a_story_is_kept_beside_the_page(server: Run, tmp_path: Path) -> None:
    story = ReportContext("title", "about", ("a note",), {"column": (1.0, float("nan"), 1 / 3)}, optimum=0.1)
    write(server, tmp_path, story)
    again = ReportContext.of(tmp_path)
    assert repr(again) == repr(story)  # NaN is not equal to itself, but is written alike


def test_without_a_story_there_is_an_empty_one(tmp_path: Path) -> None:
    assert ReportContext.of(tmp_path) == ReportContext()


@pytest.mark.parametrize("text", ["", "[]", '{"columns": 3}', '{"columns": {}, "notes": [], "surprise": 1}'])
def test_a_damaged_story_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "story.json").write_text(text)
    with pytest.raises(SavedRunError, match=r"story\.json is damaged"):
        ReportContext.of(tmp_path)


def test_sentences_carry_the_numbers_they_are_about(server: Run, market: Run) -> None:
    objective = float(server.history["objective"].iloc[-1])
    assert "differs by 0.50" in measured(server, objective - 0.5, 0.25)
    assert "answer is 0.25 away" in measured(server, objective - 0.5, 0.25)
    assert measured(market, 6682.5, 0.0).startswith("A planner who knew every cost would pay 6,682.500")
    assert "lose 1.000 to 3.000" in beside_alone(server, [3.0, float("nan"), 1.0])
