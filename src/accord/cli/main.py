"""The command line: run, compare, doctor, methods, report."""

from __future__ import annotations

import dataclasses
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from accord.cli import inference
from accord.cli.console import heading, progress, refusing, say, working
from accord.cli.outcomes import context_of, keep, report_directory, tell, with_chapters
from accord.errors import StudyError, UnknownName

if TYPE_CHECKING:
    from accord.results.run import Run
    from accord.studies import Study

# What a command needs is imported when it is called, so that --help is quick.

app = typer.Typer(
    help="Distributed optimisation: many agents with private data solve one problem, and never pool it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

inference.add_to(app)


StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study that ships with Accord, or the path of a TOML file.")
]
Rounds = Annotated[int | None, typer.Option(help="At most so many rounds, instead of the study's.")]
Seed = Annotated[int | None, typer.Option(help="Instead of the study's.")]
Out = Annotated[Path | None, typer.Option(help="Where the report goes; accord-runs/STUDY by default.", file_okay=False)]
Caps = Annotated[
    list[str] | None, typer.Option(help="The most that agents may lose, or NAME=MOST for one; may be repeated.")
]
Kept = Annotated[Path | None, typer.Option(help="Keep the run here, and go on from here.", file_okay=False)]
RuntimeName = Annotated[str, typer.Option("--runtime", help="Where it happens: vectorised, timed, threads or ray.")]
Agents = Annotated[
    bool | None,
    typer.Option(
        "--agents/--no-agents",
        help="Whether what is kept tells of single agents: by default of a study that ships with Accord, "
        "and where --cap or --group asks for it.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no tables.")]


def main() -> None:
    """The program: what its terminal has no letters for is replaced, so that no long run loses its report."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    app()


def _version(asked: bool) -> None:
    if asked:
        print(f"accord {version('accord')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Distributed optimisation: many agents with private data solve one problem, and never pool it."""


@app.command()
@refusing
def run(
    study: StudyName,
    method: Annotated[str | None, typer.Option(help="Instead of the study's; see `accord methods`.")] = None,
    rounds: Rounds = None,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    out: Out = None,
    cap: Caps = None,
    group: Annotated[str | None, typer.Option(help="A column of the table, by which rows are grouped.")] = None,
    runtime: RuntimeName = "vectorised",
    checkpoint: Kept = None,
    agents: Agents = None,
    brief: Annotated[bool, typer.Option("--brief", help="The run alone, without the chapters of the study.")] = False,
    quiet: Quiet = False,
) -> None:
    """Run a study: who ended where, what else it tells, and a report of one page.

    A study of kind inference is fitted, and its page is that of `accord glm`, `cox` or `describe`.

    With --json the report is written only where --out says, without the chapters. Ctrl-C or SIGTERM ends the run
    early: it is reported as far as it came, without the chapters.

    The exit code is 0 where the run converged, stopped at its limit of rounds or seconds, or came to rest on the floor
    that its method states; 2 where the study is refused; 3 where the run came to rest short of what was asked (a shared
    constraint or a cap is not met, or nothing moved); 4 where it diverged; 5 where there is no answer; 130 or 143 after
    Ctrl-C or SIGTERM.
    """
    if _is_fit(study, method=method, rounds=rounds, seed=seed, cap=cap, group=group, checkpoint=checkpoint):
        return inference.fit(study, as_json, out, quiet)
    chosen = _asked(_study(study, rounds, seed), method, cap, group)
    directory = None if as_json and out is None else report_directory(out, chosen.name)
    with progress(chosen.method_name, chosen.stop.rounds, quiet or as_json) as notify:
        outcome = chosen.run(notify=notify, runtime=_runtime(runtime), checkpoint=checkpoint)
    ended = outcome.status.code
    if as_json:
        print(json.dumps(outcome.summary()))
    if directory is None:
        raise typer.Exit(ended)
    story = context_of(chosen, outcome, group, bool(cap) and not outcome.status.asked)
    if not as_json:
        tell(outcome, story, quiet)
        story = story if brief or outcome.status.asked else with_chapters(story, chosen, outcome, quiet)
    asked = not study.endswith(".toml") or bool(cap or group)
    keep(outcome, story, directory, as_json, asked if agents is None else agents)
    raise typer.Exit(ended)


@app.command()
@refusing
def compare(
    study: StudyName,
    methods: Annotated[str, typer.Option(help="Names with commas between them; see `accord methods`.")],
    rounds: Rounds = None,
    seed: Seed = None,
    out: Out = None,
    runtime: RuntimeName = "vectorised",
    quiet: Quiet = False,
) -> None:
    """Run several methods on one problem: a table, one picture, a report of one page."""
    from accord.cli.terminal import shown
    from accord.results.reports import tables
    from accord.results.reports.context import ReportContext
    from accord.results.reports.html import write_comparison
    from accord.studies.baselines import centralised

    chosen = _study(study, rounds, seed)
    directory = report_directory(out, f"{chosen.name}-compared")
    runs = _one_by_one({name.strip(): chosen.with_method(name.strip()) for name in methods.split(",")}, runtime, quiet)
    best = centralised(chosen.problem)
    bounds = (
        [float(outcome.history["dual_value"].to_numpy().max()) for outcome in runs.values()] if best is None else []
    )
    optimum = max(bounds) if best is None else best.objective
    peers = [name for name, outcome in runs.items() if outcome.facts.network]
    notes = (f"Peers talk over the {runs[peers[0]].facts.network}: {', '.join(peers)}.",) if peers else ()
    if not quiet:
        say(heading(chosen.title), shown(tables.without(tables.comparison(runs, optimum), "gradients")), *notes)
    story = ReportContext(title=chosen.title, about=chosen.about, notes=notes)
    page = write_comparison(runs, directory, optimum, story)
    say(f"The report is {page}")
    raise typer.Exit(max((outcome.status.code for outcome in runs.values() if outcome.status.asked), default=0))


@app.command()
@refusing
def doctor(
    study: StudyName,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    check: Annotated[bool, typer.Option(help="Make short runs, and put them beside what is predicted.")] = True,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """How different the agents of a study are, what that will cost, and which method and step size to take."""
    from accord.doctor import diagnose

    chosen = _study(study, None, None)
    directory = None if as_json and out is None else report_directory(out, f"{chosen.name}-examined")
    with working(f"Examining {chosen.name}", quiet or as_json):
        found = diagnose(chosen.problem, chosen.network, check=check)
    if as_json:
        print(json.dumps(found.summary()))
    else:
        say(*([] if quiet else [heading(chosen.title)]), *str(found).split("\n"))
    if directory is None:
        return
    page = found.report(directory, chosen.title, chosen.about)
    if not as_json:
        say(f"The report is {page}")


@app.command()
@refusing
def methods(name: Annotated[str | None, typer.Argument(help="Tell all about one.")] = None) -> None:
    """What there is: what each asks for, where it leads, who published it."""
    from accord.cli.catalogue import catalogue, entry
    from accord.methods import BY_NAME, KNOWN_AS

    own, what = KNOWN_AS.get(name or "", (name or "", ""))
    if name is None:
        say(*catalogue(), f"Other names that find one: {', '.join(KNOWN_AS)}.")
    elif own in BY_NAME:
        say(*([f"{name} {what}.\n"] if what else []), *entry(BY_NAME[own]))
    else:
        raise UnknownName("method", name, BY_NAME)


@app.command()
@refusing
def report(directory: Annotated[Path, typer.Argument(help="Where a run was saved.", metavar="DIR")]) -> None:
    """Write the page of a saved run anew."""
    from accord.results.reports.context import ReportContext
    from accord.results.reports.html import write
    from accord.results.run import Run

    page = write(Run.load(directory), directory, ReportContext.of(directory))
    say(f"The report is {page}")


def _is_fit(name: str, **given: Any) -> bool:
    """Tell whether a study is of kind inference; refuse options that mean nothing to one."""
    from accord.studies.study import is_fit

    if not is_fit(name):
        return False
    for option, value in given.items():
        if value is not None:
            raise StudyError(f"{name} is a study of kind inference, where --{option} means nothing. Leave it out.")
    return True


def _study(name: str, rounds: int | None, seed: int | None) -> Study:
    from accord.studies import load

    study = load(name)
    if rounds is not None:
        study = dataclasses.replace(study, stop=dataclasses.replace(study.stop, rounds=rounds))
    if seed is not None:
        study = dataclasses.replace(study, settings=dataclasses.replace(study.settings, seed=seed))
    return study


def _asked(study: Study, method: str | None, cap: list[str] | None, group: str | None) -> Study:
    """The study by the method that is asked for, or with losses capped; a group that there is not is refused."""
    chosen = study if method is None else study.with_method(method)
    if cap:
        from accord.fairness import capped

        chosen = dataclasses.replace(chosen.with_method("loss_caps"), method=capped(cap, chosen.problem.names))
    if group:
        from accord.fairness.performance import groups_of

        groups_of(chosen.problem, group)
    return chosen


def _one_by_one(variants: dict[str, Study], runtime: str, quiet: bool) -> dict[str, Run]:
    """The runs by name; those after one that was asked to stop are not begun."""
    runs: dict[str, Run] = {}
    for name, variant in variants.items():
        with progress(variant.method_name, variant.stop.rounds, quiet) as notify:
            runs[name] = variant.run(notify=notify, runtime=_runtime(runtime))
        if runs[name].status.asked:
            break
    return runs


def _runtime(name: str) -> Any:
    from accord import runtimes

    known = {kind.lower(): kind for kind in runtimes.__all__}
    if name not in known:
        raise UnknownName("runtime", name, known)
    return getattr(runtimes, known[name])()
