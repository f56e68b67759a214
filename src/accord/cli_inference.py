"""The command line of inference: glm, cox, describe."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from accord.errors import AccordError, UnknownName

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
    commands: tuple[Callable[..., None], ...] = (glm, cox, describe)
    for command in commands:
        app.command()(_refusing(command))


def _refusing(command: Callable[..., None]) -> Callable[..., None]:
    """What Accord refuses is one sentence in red, and exit code 2."""

    @functools.wraps(command)
    def told(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except AccordError as error:
            typer.secho(str(error), fg=typer.colors.RED, err=True)
            raise typer.Exit(2) from error

    return told


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
    told = {"llf": fit.llf, "aic": fit.aic, "deviance": fit.deviance, "scale": fit.scale}
    _end(fit, _coefficients(fit) | told, as_json, out, file, "glm", f"{fit.design.formula}, {fit.family}")


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
    told = {"llf": fit.llf, "events": fit.events, "concordance": fit.concordance}
    _end(fit, _coefficients(fit) | told, as_json, out, file, "cox", f"{duration}, {fit.design.terms}")


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
    table = json.loads(found.table.reset_index().to_json(orient="records") or "[]")
    told = {"rows": found.rows.to_dict(), "table": table, "rounds": found.rounds, "bytes": found.bytes}
    _end(found, told, as_json, out, file, "describe", "Who is in the data")


def _table(file: str) -> pd.DataFrame | str:
    """The path of a file, or a table that ships."""
    from accord.studies import DATASETS, dataset

    if file in DATASETS:
        return dataset(file)
    if not Path(file).is_file():
        raise UnknownName("table", file, DATASETS, ", and no file either")
    return file


def _coefficients(fit: Any) -> dict[str, Any]:
    """What a fit found, in plain values."""
    columns = {"coef": fit.params, "std_err": fit.bse, "z": fit.zvalues, "p": fit.pvalues}
    terms = {str(term): {name: float(values[term]) for name, values in columns.items()} for term in fit.params.index}
    return {"terms": terms, "nobs": fit.nobs, "dropped": dict(fit.dropped), "rounds": fit.rounds, "bytes": fit.bytes}


def _end(
    found: Any, told: dict[str, Any], as_json: bool, out: Path | None, file: str, command: str, title: str
) -> None:
    """Print what was found, and write its page; with --json the page is written only where --out says."""
    from accord.inference.page import write
    from accord.reports.speech import say

    if as_json:
        print(json.dumps(told))
        if out is None:
            return
    else:
        say(*str(found).split("\n"))
    page = write(found, out or Path("accord-runs") / f"{Path(file).stem}-{command}", title)
    if not as_json:
        say(f"The report is {page}")
