"""One self-contained page of HTML: a run, or several compared. Nothing on it is fetched from elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from accord.core.disk import write_whole
from accord.core.formatting import count, number
from accord.results.reports import figures, tables
from accord.results.reports.context import ReportContext
from accord.results.run import Run, data_size

PAGE = "index.html"
AGENTS = 200  # rows of the table of agents: more are in arrays.npz
HEAVIEST = 12  # coefficients that are not folded away
PATTERNS = {"server": "a server and its clients", "peers": "peers, and nobody in the middle", "prices": "a market"}


def write(run: Run, directory: str | Path, story: ReportContext | None = None) -> Path:
    """Write `index.html` about a run to a directory, made where it is missing; returns the page's path.

    - `story`: words and yardsticks for the reader; kept in `story.json`.

    The same run gives the same page, byte for byte.

    >>> import accord, tempfile
    >>> run = accord.run(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0]), accord.FedSGD())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "<h1>FedSGD with 2 agents</h1>" in write(run, folder).read_text()
    True
    """
    facts, story = run.facts, story or ReportContext()
    prices = [] if run.prices is None or facts.pattern != "prices" else np.ravel(run.prices).tolist()
    coefficients = tables.coefficients(run)
    rows = tables.agents(run, story.columns) if run.has_agents else None
    agents, left_out = tables.shortened(rows, AGENTS) if rows else (None, 0)
    path = page(
        "run.html",
        directory,
        title=story.title or f"{facts.method} with {len(facts.agents)} agents",
        pattern=PATTERNS[facts.pattern],
        run=run,
        story=story,
        sentences=[line for line in str(run).split("\n")[1:] if not line.startswith("Chosen: ")],
        figures=_figures(run),
        agents=agents,
        left_out=left_out,
        panels=[svg(figures.panel_figure(run, panel), panel.title) for panel in figures.panels(run, story.optimum)],
        prices=[number(price) for price in prices],
        coefficients=coefficients,
        heaviest=coefficients and tables.shortened(coefficients, HEAVIEST)[0],
        history=tables.history(run),
    )
    story.keep(path.parent)
    return path


def write_comparison(
    runs: Mapping[str, Run], directory: str | Path, optimum: float, story: ReportContext | None = None
) -> Path:
    """Write `index.html` about several runs on one problem, by name; returns the page's path.

    - `optimum`: F at the centralised answer, from which distances are measured.
    """
    story = story or ReportContext()
    return page(
        "comparison.html",
        directory,
        title=story.title or "Methods compared",
        runs=runs,
        story=story,
        picture=svg(figures.comparison_figure(runs, optimum), "Distance to the centralised optimum"),
        table=tables.comparison(runs, optimum),
    )


def svg(figure: Figure, label: str, *, sized: bool = False) -> Markup:
    """A figure as SVG inside the page: its text in the page's type, its colours those of the page, light or dark.

    It fills its place, or is `sized` as it was drawn.
    """
    picture = io.StringIO()
    figures.plain(figure)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):  # savefig has no argument for these
        figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = picture.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"font-family: [^;]*; ", "", drawn)
    name = re.sub(r"\W+", "-", label.lower())
    drawn = re.sub(r'(id="|url\(#|href="#)', rf"\1{name}-", drawn)
    drawn = drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)
    drawn = drawn if sized else re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", drawn, count=1)
    for variable, colour in COLOURS.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    return Markup(drawn)


def standing_alone(figure: Figure, label: str) -> str:
    """A figure as an SVG document, for an `<img>`: its type and its colours are in it, light or dark."""
    template, _, _ = _pages().loader.get_source(_pages(), "page.html")  # pyright: ignore[reportOptionalMemberAccess]
    themes = template[template.index(":root") : template.index("* { box-sizing")]
    drawn = str(svg(figure, label, sized=True))
    style = f"<style>{themes} text {{ font-family: var(--plain); font-variant-numeric: tabular-nums; }}</style>"
    return drawn.replace("<defs>", f"{style}<defs>", 1)


COLOURS = {"ink": figures.INK, "faint": figures.FAINT, "rule": figures.RULE}
COLOURS |= {f"series-{i}": colour for i, colour in enumerate(figures.SERIES)}


def _figures(run: Run) -> list[tuple[str, str]]:
    """The few numbers that stand large at the top."""
    last = run.history.iloc[-1]
    first = "cost" if run.facts.pattern == "prices" else "objective"
    return [
        (first, number(last["objective"], 6)),
        ("rounds", count(run.rounds)),
        ("sent", data_size(last["bytes"])),
        ("gradients an agent", count(last["gradients"])),
        ("seconds", f"{last['seconds']:.2f}"),
    ]


def page(template: str, directory: str | Path, **content: object) -> Path:
    """Write `index.html` from a template to a directory, made where it is missing; returns the page's path."""
    body = _pages().get_template(template).render(content)
    write_whole(Path(directory), {PAGE: body.encode()})
    return Path(directory) / PAGE


def _pages() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("accord.results.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
