"""A diagnosis as DataFrames."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from accord.doctor.measures import Measures
from accord.doctor.rates import Rounds
from accord.problems.population.in_memory import QueryCost

if TYPE_CHECKING:
    from accord.doctor.model import Context, Delay, FloorComparison


def agents(who: Context, found: Measures) -> pd.DataFrame:
    """Tabulate the agents, one a row."""
    with np.errstate(divide="ignore"):
        condition = np.where(found.mu > 0, found.L / found.mu, np.inf)
    columns = {
        "examples": who.sizes,
        "weight": who.weights,
        "L": found.L,
        "mu": found.mu,
        "condition": condition,
        "alone": found.own.value,
        "together": found.losses,
        "distance": found.own.distance,
        "gradient": found.gradients,
    }
    if found.label_skew is not None:
        columns["label_skew"] = found.label_skew
    return pd.DataFrame(columns, index=pd.Index(who.names, name="agent"))


def floors(rested: Sequence[FloorComparison]) -> pd.DataFrame:
    """Tabulate the floors, a row a number of local steps; distances ‖x − x*‖, and heights F(x) − F*."""
    rows = [
        {
            "local_steps": one.floor.steps,
            "step_size": one.floor.step_size,
            "predicted": one.floor.distance,
            "measured": one.distance,
            "predicted_above": one.floor.above,
            "measured_above": one.above,
            "by_hessians_alone": one.floor.by_hessians,
            "rounds": one.floor.rounds,
            "holds": one.floor.found,
        }
        for one in rested
    ]
    return pd.DataFrame(rows).set_index("local_steps")


def rounds(counted: Sequence[Rounds]) -> pd.DataFrame:
    """Tabulate the rounds, a row a method."""
    rows = [(one.method, one.predicted, one.measured, one.bytes, one.basis) for one in counted]
    return pd.DataFrame(rows, columns=pd.Index(["method", "predicted", "measured", "bytes", "basis"])).set_index(
        "method"
    )


def delays(limits: Sequence[Delay]) -> pd.DataFrame:
    """Tabulate the delays, a row a delay in rounds."""
    names = pd.Index(["delay", "longest_step", "stable_below", "unstable_above"])
    return pd.DataFrame([tuple(one) for one in limits], columns=names).set_index("delay")


def said(told: Mapping[str, QueryCost]) -> pd.DataFrame:
    """Tabulate the questions, one a row: how often it was asked, and the bytes that one agent received and sent."""
    rows = [(words, *one) for words, one in told.items()]
    return pd.DataFrame(rows, columns=pd.Index(["question", "times", "heard", "said"])).set_index("question")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame for JSON: what is not a number, or not finite, is null."""
    return json.loads(str(frame.reset_index().to_json(orient="records", double_precision=15)))
