"""A diagnosis as one page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from accord.core.formatting import count, number
from accord.doctor import figures
from accord.results.reports.html import page
from accord.results.reports.sections import Chapter, written
from accord.results.run import data_size

if TYPE_CHECKING:
    from accord.doctor.diagnosis import Diagnosis

AGENTS = 12  # rows of the table of agents: those who give up most


def write(found: Diagnosis, directory: str | Path, title: str = "", about: str = "") -> Path:
    """Write `index.html` about a diagnosis to a directory, made where it is missing; returns the page's path."""
    names = found.context.names
    network = found.context.network
    return page(
        "doctor.html",
        directory,
        title=title or f"{len(names)} agents, examined",
        about=about,
        network=None if network is None else getattr(network, "name", "networks in turn"),
        figures=_figures(found),
        advice=[line[:1].upper() + line[1:] for line in (one.removeprefix("Advice: ") for one in found.advice)],
        sections=[written(chapter) for chapter in chapters(found)],
    )


def chapters(found: Diagnosis) -> Iterator[Chapter]:
    """The diagnosis in parts, each in words, a picture and a table."""
    said = found.findings_about
    yield Chapter(
        "How different the agents are", "\n\n".join(said("agents")), figures.losses_figure(found), _agents(found)
    )
    if len(found.context.names) > 1:
        yield Chapter("Who pulls against whom", "\n\n".join(said("difference")), figures.conflict_figure(found))
    yield Chapter("Where FedAvg will stand", "\n\n".join(said("floors")), figures.floors_figure(found), _floors(found))
    yield Chapter("How many rounds it will take", "\n\n".join([*said("rounds"), *said("delays")]), None, _rounds(found))
    yield Chapter("What left an agent for this", "\n\n".join(said("privacy")), None, _said(found))


def _figures(found: Diagnosis) -> list[tuple[str, str]]:
    least, most = found.measures.curved
    heard_and_said = float(found.said[["heard", "said"]].to_numpy().sum())
    return [
        ("condition of F", number(most / least, 3)),
        ("B", number(found.B, 3)),
        ("δ", number(found.delta, 3)),
        ("opposed most", number(float(found.conflict.min()), 2)),
        ("to an agent, and from it", data_size(heard_and_said)),
    ]


def _agents(found: Diagnosis) -> pd.DataFrame:
    frame = found.table.assign(gives=found.table["together"] - found.table["alone"])
    frame = frame.sort_values("gives", ascending=False, kind="stable").head(AGENTS)
    columns = {
        "agent": frame.index,
        "examples": frame["examples"],
        "L": frame["L"],
        "condition": frame["condition"],
        "loss alone": frame["alone"],
        "at the common optimum": frame["together"],
        "gives up": frame["gives"],
        "optima apart": frame["distance"],
        "gradient there": frame["gradient"],
    }
    return pd.DataFrame(columns)


def _floors(found: Diagnosis) -> pd.DataFrame:
    frame = found.floors.reset_index()
    columns = {
        "local steps": frame["local_steps"],
        "step size": frame["step_size"],
        "distance predicted": frame["predicted"],
        "measured": frame["measured"],
        "above the optimum, predicted": frame["predicted_above"],
        "measured ": frame["measured_above"],
        "by Hessians at x* alone": frame["by_hessians_alone"],
    }
    return pd.DataFrame(columns)


def _rounds(found: Diagnosis) -> pd.DataFrame:
    frame = found.rounds.reset_index()
    rows = {"method": frame["method"], "rounds predicted": _counts(frame["predicted"].to_numpy())}
    rows |= {"measured": _counts(frame["measured"].to_numpy())}
    return pd.DataFrame(rows | {"sent by all": [data_size(b) if b == b else "–" for b in frame["bytes"]]})


def _counts(column: np.ndarray) -> list[str]:
    return [count(round(value)) if np.isfinite(value) else number(value) for value in column]


def _said(found: Diagnosis) -> pd.DataFrame:
    frame = found.said.reset_index()
    sizes = {name: [data_size(b) for b in frame[name]] for name in ("heard", "said")}
    return pd.DataFrame({"an agent tells": frame["question"], "times": frame["times"], **sizes})
