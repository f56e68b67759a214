"""The command line of inference: glm, cox, describe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from accord.cli.console import refusing, say
from accord.errors import UnknownName

if TYPE_CHECKING:
    import pandas as pd

# What a command needs is imported when it is called, so that --help is quick.

File = Annotated[str, typer.Argument(metavar="FILE", help="A CSV or Parquet file, or a table that ships with Accord.")]
By = Annotated[str, typer.Option(help="The column that says whose a row is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Out = Annotated[Path | None, typer.Option(help="Where the page goes; accord-runs/FILE-COMMAND by default.")]
Covariance = Annotated[str, typer.Option(help="model, HC0, HC1 or cluster.")]
Formula = Annotated[str, typer.Option(help='As of formulaic, such as "ill ~ age * sex".')]


def add_to(app: typer.Typer) -> None:
    """Add the three commands to a program."""
    app.command()(refusing(glm))
    app.command()(refusing(cox))
    app.command()(refusing(describe))


def glm(
    file: File,
    by: By,
    formula: Formula,
    family: Annotated[str, typer.Option(help="gaussian, binomial, poisson, gamma, ...")] = "gaussian",
    link: Annotated[str | None, typer.Option(help="Instead of the family's own.")] = None,
    offset: Annotated[str | None, typer.Option(help="A column.")] = None,
    weights: Annotated[str | None, typer.Option(help="A column.")] = None,
    site: Annotated[str | None, typer.Option(help='"fixed" for an intercept an agent.')] = None,
    covariance: Covariance = "model",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Fit a generalised linear model to the rows of all agents, and write a page about it."""
    from accord import inference

    fit = inference.glm(
        _table(file), by, formula, family, link=link, offset=offset, weights=weights, site=site, covariance=covariance
    )
    _end(fit, as_json, _page(out, file, "glm"), f"{fit.design.formula}, {fit.family}")


def cox(
    file: File,
    by: By,
    duration: Annotated[str, typer.Option(help="The column of times.")],
    event: Annotated[str, typer.Option(help="The column of events, 1 or 0.")],
    formula: Formula,
    ties: Annotated[str, typer.Option(help="efron or breslow.")] = "efron",
    strata: Annotated[str | None, typer.Option(help="Columns with a baseline each, commas between them.")] = None,
    covariance: Covariance = "model",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Fit Cox's proportional hazards to the rows of all agents, and write a page about it."""
    from accord import inference

    columns = [name.strip() for name in strata.split(",")] if strata else None
    fit = inference.cox(_table(file), by, duration, event, formula, ties=ties, strata=columns, covariance=covariance)
    _end(fit, as_json, _page(out, file, "cox"), f"{duration}, {fit.design.terms}")


def describe(
    file: File,
    by: By,
    columns: Annotated[str | None, typer.Option(help="Names with commas between them; all by default.")] = None,
    groups: Annotated[str | None, typer.Option(help="A column whose levels are compared.")] = None,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Describe the columns of all agents' rows: the table 1 of a paper, as a page."""
    from accord import inference

    names = [name.strip() for name in columns.split(",")] if columns else None
    found = inference.describe(_table(file), by, columns=names, groups=groups)
    _end(found, as_json, _page(out, file, "describe"), "Who is in the data")


def fit(study: str, as_json: bool, out: Path | None, quiet: bool) -> None:
    """Fit a study of kind inference, and write a page about it."""
    from accord.studies.fits import fitted

    of = fitted(study)
    _end(of.found, as_json, Page(out, of.name), of.title, of.about, quiet)


def _table(file: str) -> pd.DataFrame | str:
    """The path of a file, or a table that ships."""
    from accord.studies import DATASETS, dataset

    if file in DATASETS:
        return dataset(file)
    if not Path(file).is_file():
        raise UnknownName("table", file, DATASETS, ", and no file either")
    return file


class Page(NamedTuple):
    """The directory of a page: the one that is asked for, or one of that name beside other runs."""

    asked: Path | None
    name: str


def _page(out: Path | None, file: str, command: str) -> Page:
    return Page(out, f"{Path(file).stem}-{command}")


def _told(found: Any) -> dict[str, Any]:
    """The fit in plain values."""
    from accord.inference import Cox, Description

    cost = {"rounds": found.rounds, "bytes": found.bytes}
    if isinstance(found, Description):
        table = json.loads(found.table.reset_index().to_json(orient="records") or "[]")
        return {"rows": found.rows.to_dict(), "table": table} | cost
    columns = {"coef": found.params, "std_err": found.bse, "z": found.zvalues, "p": found.pvalues}
    terms = {str(term): {name: float(values[term]) for name, values in columns.items()} for term in found.params.index}
    also = ("llf", "events", "concordance") if isinstance(found, Cox) else ("llf", "aic", "deviance", "scale")
    whole = {"terms": terms, "nobs": found.nobs, "dropped": dict(found.dropped)} | cost
    return whole | {name: getattr(found, name) for name in also}


def _end(found: Any, as_json: bool, page: Page, title: str, about: str = "", quiet: bool = False) -> None:
    """Print what was found, and write its page; with --json the page is written only where --out says."""
    from accord.inference.page import write

    if as_json:
        print(json.dumps(_told(found)))
        if page.asked is None:
            return
    elif not quiet:
        say(*str(found).split("\n"))
    written = write(found, page.asked or Path("accord-runs") / page.name, title, about)
    if not as_json:
        say(f"The report is {written}")
