"""The page of benchmarks, from the programs' own words and the results that they wrote: nothing is said twice."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
ABOUT = ("machine", "versions", "seed")  # of how it was measured; all else is what was
LONG = 20  # rows from which a table is folded


def page(benchmarks: Path = BENCHMARKS) -> str:
    """A section for each program of `benchmarks` whose results are there."""
    found = sorted(path for path in benchmarks.glob("results/*.json") if (benchmarks / f"{path.stem}.py").exists())
    return "\n\n".join(section(benchmarks / f"{path.stem}.py", json.loads(path.read_text())) for path in found)


def section(program: Path, result: dict[str, Any]) -> str:
    """What a program measures, by its docstring; its figures; on what."""
    words = inspect.cleandoc(ast.get_docstring(ast.parse(program.read_text())) or program.stem)
    title, _, body = words.partition("\n")
    figures = {name: value for name, value in result.items() if name not in ABOUT}
    machine, versions = result["machine"], result["versions"]
    parts = ", ".join(f"{name} {number}" for name, number in versions.items())
    about = f"*{machine['cpu']}, {machine['cores']} cores; Python {machine['python']}, {parts}; seed {result['seed']}.*"
    return "\n\n".join([f"## {title.strip().rstrip('.')}", body.strip(), *shown(figures), about])


def shown(figures: dict[str, Any]) -> Iterator[str]:
    """Everything that was measured: plain values in a sentence, all else in tables of like things."""
    plain = {name: value for name, value in figures.items() if not nested(value)}
    if plain:
        yield "Also measured: " + "; ".join(f"{spoken(name)} {cell(value)}" for name, value in plain.items()) + "."
    timed = {name: value for name, value in figures.items() if is_timed(value)}
    if timed:
        yield timings(timed)
    counted = {name: value for name, value in figures.items() if isinstance(value, dict) and not is_timed(value)}
    if counted:
        yield table([{"": spoken(name), **value} for name, value in counted.items()])
    for value in figures.values():
        if isinstance(value, list) and nested(value):
            yield table(value)


def timings(groups: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Works in turn: median, the least and the most of the repeats, and the ratio to what they stand beside."""
    rows = []
    for title, works in groups.items():
        for i, (name, row) in enumerate(works.items()):
            ratio = {"ratio": f"{row['ratio']:.2f}"} if "ratio" in row else {}
            times = {"median": row["median"], "least to most": f"{cell(row['least'])} to {cell(row['most'])}"}
            unit = {"unit": row["unit"]} if "unit" in row else {}
            rows.append({"": "" if i else spoken(title), "who": spoken(name), **times, **unit, **ratio})
    return table(rows)


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table of rows with the same plain columns; a long one is folded."""
    names = [name for name in dict.fromkeys(key for row in rows for key in row) if any(name in row for row in rows)]
    names = [name for name in names if not any(isinstance(row.get(name), dict) for row in rows)]
    lines = [[spoken(name) for name in names], ["---", *["--:"] * (len(names) - 1)]]
    lines += [[cell(row.get(name, "")) for name in names] for row in rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    if len(rows) < LONG:
        return text
    return f'??? note "{len(rows)} rows"\n\n' + "\n".join("    " + line for line in text.split("\n"))


def cell(value: Any) -> str:
    """A value as one reads it: three digits that count, thousands apart, and a dash for what did not happen."""
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def spoken(name: str) -> str:
    """A name in a file of results as words."""
    return name.replace("_", " ")


def nested(value: Any) -> bool:
    """Whether a value needs a table."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(part, dict) for part in value))


def is_timed(value: Any) -> bool:
    """Whether a value is of works that were timed in turn."""
    return isinstance(value, dict) and all(isinstance(row, dict) and "median" in row for row in value.values())
