"""The outcome of a command: what is printed, and what is kept."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from accord.cli.console import heading, say, working
from accord.core.disk import check_writable

if TYPE_CHECKING:
    from accord.results.reports.context import ReportContext
    from accord.results.run import Run
    from accord.studies import Study

AGENTS = 20  # lines of the table of agents in a terminal


def report_directory(out: Path | None, name: str) -> Path:
    """Return the directory of a report, after a check before anything starts that it is writable."""
    directory = out or Path("accord-runs") / name
    check_writable(directory, "The report")
    return directory


def keep(outcome: Run, story: ReportContext, directory: Path, quiet: bool, agents: bool) -> None:
    """The run and its page, which tell of single agents where that is asked."""
    from accord.results.reports.html import write

    outcome.save(directory, agents)
    if not agents:
        outcome, story = outcome.without_agents(), dataclasses.replace(story, columns={}, chapters=())
    page = write(outcome, directory, story)
    if not quiet:
        say(f"The report is {page}", *([] if agents else ["It tells of no single agent; --agents asks for them."]))


def context_of(study: Study, outcome: Run, group: str | None, capped: bool) -> ReportContext:
    """The outcome beside the centralised answer and what agents find alone; how they fare, and what caps cost."""
    from accord.fairness import fairness_chapters
    from accord.results.reports.context import ReportContext, beside_alone, bounded, measured
    from accord.results.reports.sections import written
    from accord.studies.baselines import centralised, local_only
    from accord.studies.sections import side_by_side

    best, found = side_by_side(
        {f.__name__: functools.partial(f, study.problem) for f in (centralised, local_only)}
    ).values()
    notes = [bounded(outcome)] if best is None else [measured(outcome, best.objective, best.distance(outcome.x))]
    columns = {}
    if found is not None:
        notes.append(beside_alone(outcome, found.everyone.tolist()))
        columns = {"own model, own rows": found.own, "own model, all rows": found.everyone}
    return ReportContext(
        study.title,
        study.about,
        tuple(notes),
        {name: tuple(map(float, c)) for name, c in columns.items()},
        None if best is None else best.objective,
        tuple(map(written, fairness_chapters(outcome, group, capped, None if found is None else found.own))),
    )


def tell(outcome: Run, story: ReportContext, quiet: bool) -> None:
    """Print what happened, in sentences and a table."""
    from accord.cli.terminal import shown
    from accord.results.reports import tables

    if not quiet:
        table, left_out = tables.shortened(tables.agents(outcome, story.columns), AGENTS)
        say(heading(story.title), shown(table), *([f"... and {left_out} more agents."] if left_out else []))
    asked = [line for chapter in story.chapters[1:] for line in chapter.paragraphs]  # of groups and of caps
    say(*str(outcome).split("\n"), *story.notes, *asked)


def with_chapters(story: ReportContext, study: Study, outcome: Run, quiet: bool) -> ReportContext:
    """The story with what the study tells besides its run; each title is printed when its chapter is known."""
    from accord.results.reports.sections import written

    sections = []
    with working(f"The chapters of {study.name}", quiet):
        for chapter in study.chapters(outcome):
            sections.append(written(chapter))
            if not quiet:
                say(f"{len(sections)}. {chapter.title}")
    return dataclasses.replace(story, chapters=(*story.chapters, *sections))
