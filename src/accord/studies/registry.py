"""The parts of a study: problem, method, network, channel, each from its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from inspect import signature
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import optax

from accord import channels, methods, networks, problems
from accord.methods import BY_NAME
from accord.studies.from_toml import Make, build, chosen
from accord.studies.toml_source import Source


def _by_name(*makes: Make) -> Mapping[str, Make]:
    return MappingProxyType({make.__name__: make for make in makes})


PROBLEMS = _by_name(
    problems.quadratic,
    problems.least_squares,
    problems.lasso,
    problems.logistic,
    problems.softmax,
    problems.svm,
    problems.neural_network,
    problems.dispatch,
)
GRAPHS = _by_name(
    networks.ring,
    networks.path,
    networks.star,
    networks.grid,
    networks.torus,
    networks.complete,
    networks.hypercube,
    networks.exponential,
    networks.erdos_renyi,
    networks.geometric,
)
CHANNELS = _by_name(channels.clip, channels.gaussian_noise)
PARTS: Mapping[str, Mapping[str, Make]] = MappingProxyType(
    {
        "local": {"sgd": methods.SGD, "gradient_descent": methods.GradientDescent},
        "optimizer": _by_name(optax.adagrad, optax.adam, optax.adamw, optax.rmsprop, optax.sgd, optax.yogi),
    }
)
"""The parts of a method besides numbers."""


def problem(source: Source, path: Path, module: ModuleType | None = None) -> problems.Problem:
    """A table of data, one agent a group, or a problem of `accord.problems`, or of the study's own module."""
    table = source.tables["problem"]
    if "table" not in table and "kind" not in table and hasattr(module, "problem"):
        return build(module.problem, table, source, ("problem",))  # pyright: ignore[reportOptionalMemberAccess]
    if "table" not in table:
        make, rest = chosen(PROBLEMS, table, source, ("problem",))
        return build(make, rest, source, ("problem",))
    from accord.problems.from_table import from_table

    file = path.parent / str(table["table"])
    if not file.is_file():
        raise source.error(
            ("problem", "table"), f"There is no file {str(file)!r}. Give its path as seen from the study."
        )
    rest = {key: value for key, value in table.items() if key != "table"}
    return build(partial(from_table, file), rest, source, ("problem",))


def method(source: Source) -> Any:
    """A method of `accord.methods` by its name, with its hyper-parameters, local work and server's optimizer."""
    make, table = chosen(BY_NAME, source.tables["method"], source, ("method",), key="name")
    for part, kinds in PARTS.items():
        if part in table and part in signature(make).parameters:
            if not isinstance(table[part], dict):
                raise source.error(("method", part), f"{part} is not a table. Write {part} = {{ kind = ... }}.")
            kind, rest = chosen(kinds, table[part], source, ("method", part))
            table[part] = build(kind, rest, source, ("method", part))
    return build(make, table, source, ("method",))


@dataclass(frozen=True)
class Changes:
    """The changes that may be made to a graph: its weights, and its faults."""

    weights: str = "metropolis"
    lose: float = 0
    sleep: float = 0
    delay: int = 0


WEIGHTS = ("metropolis", "best_constant", "fastest", "lazy")


def network(source: Source, of: problems.Problem, module: ModuleType | None = None) -> Any:
    """A graph of `accord.networks`, its weights, and what goes wrong on it, or of the study's own module; or None."""
    path = ("network",)
    if "network" not in source.tables:
        return None
    if "kind" not in source.tables["network"] and hasattr(module, "network"):
        return build(module.network, source.tables["network"], source, path, problem=of)  # pyright: ignore[reportOptionalMemberAccess]
    make, table = chosen(GRAPHS, source.tables["network"], source, path)
    also = [field.name for field in fields(Changes)]
    changes = build(Changes, {key: table.pop(key) for key in also if key in table}, source, path)
    if changes.weights not in WEIGHTS:
        raise source.unknown((*path, "weights"), "rule of weights", changes.weights, WEIGHTS)
    if "n" in signature(make).parameters:
        table = {"n": of.K} | table
    found = build(make, table, source, path, also=also)
    if changes.weights != "metropolis":
        found = build(getattr(found, changes.weights), {}, source, (*path, "weights"))
    for name in ("lose", "sleep", "delay"):
        if value := getattr(changes, name):
            found = build(partial(getattr(found, name), value), {}, source, (*path, name))
    return found


def channel(source: Source) -> Any:
    """Build the channel of messages, one step after another; None where there is none."""
    links = []
    for i, table in enumerate(source.tables.get("channel", [])):
        make, rest = chosen(CHANNELS, table, source, ("channel", i))
        links.append(build(make, rest, source, ("channel", i)))
    return channels.chain(*links) if len(links) > 1 else links[0] if links else None
