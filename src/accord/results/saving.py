"""A run on disk: `run.json` (what and why), `history.csv` (records, to look at), `arrays.npz` (numbers); no code."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accord.core.disk import OWNER, READABLE, write_whole
from accord.core.status import Ending, Status
from accord.errors import SavedRunError
from accord.results.facts import Certificate, Facts
from accord.results.run import Run

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2  # of the layout on disk; another is refused
ARRAYS, HISTORY, HEAD = "arrays.npz", "history.csv", "run.json"
LOOKED_AT = 100_000  # records, above which the text has every so many-th: a million take half a minute to write


def save(run: Run, directory: str | Path, agents: bool = False) -> Path:
    """Write a run to a directory, made where it is missing; returns the directory.

    - `agents`: whether single agents' own models and losses are kept too, in files for their owner alone. From a model
      after a few steps the rows of a small agent can be worked out, so that only who asks for them gets them.

    A decision may be a pytree of dicts, lists, tuples and arrays; a NamedTuple is read back as a tuple. Numbers are
    kept to the bit, rows of data never: of a table, only how its columns were encoded. Of more than 100,000 records
    `history.csv` shows every so many-th and the last; `Run.load` reads them all, from the arrays. `run.json` bears
    the SHA-256 of the other files and of itself, so that a damaged run is recognised. What was there before is
    replaced when all is on the disk, and stays where that fails. Raises `SavedRunError` where it fails, and where the
    decision holds anything else.

    >>> import accord, tempfile
    >>> run = accord.run(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0]), accord.FedSGD())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(run, folder))
    >>> bool(again.x == run.x), again.reason == run.reason, again.history.equals(run.history)
    (True, True, True)
    """
    directory = Path(directory)
    structures = {"x": _structure(run.x), "agent": _structure(run.agents[0]) if agents else None}
    bodies = {ARRAYS: _arrays(run, agents), HISTORY: _csv(run.history)}
    bodies[HEAD] = _head(run, structures, {name: _checksum(body) for name, body in bodies.items()})
    try:
        write_whole(directory, bodies, OWNER if agents else READABLE)
    except OSError as error:
        raise SavedRunError(
            f"The run cannot be saved in {directory}: {error.strerror or error}. What was there is as it was; give a "
            "directory on a disk with room, where you may write."
        ) from error
    return directory


def load(directory: str | Path) -> Run:
    """Read a run that `save` wrote.

    Raises `SavedRunError`, with the name of the file, where one is missing, damaged, or of another layout. Where it was
    saved without its agents, `Run.agents` and `Run.losses` raise it when they are asked for.
    """
    directory = Path(directory)
    head = _read_head(directory / HEAD)
    _, arrays = (_read(directory / name, head["sha256"][name]) for name in (HISTORY, ARRAYS))
    found = _unpacked(arrays, directory / ARRAYS)
    facts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in head["facts"].items()
    }
    return Run(
        x=_built(head["x"], lambda i: found[f"x{i}"]),
        own=_agents(head["agent"], found, len(facts["agents"])) if "losses" in found else None,
        prices=found.get("prices"),
        lost=found.get("losses"),
        history=_history(found, head["columns"]),
        ending=_ending(head["ending"]),
        proved=None if head.get("certificate") is None else Certificate(**_numbers(Certificate, head["certificate"])),
        rounds=head["rounds"],
        facts=Facts(**facts),
        table=_table(head["table"]),
    )


def _agents(structure: Any, found: dict[str, np.ndarray], count: int) -> list[Any]:
    """Return every agent's own model."""
    return [_built(structure, lambda i, k=k: found[f"agents{i}"][k, ...]) for k in range(count)]


def _arrays(run: Run, agents: bool) -> bytes:
    arrays = {f"x{i}": leaf for i, leaf in enumerate(_leaves(run.x))}
    arrays |= {f"history{i}": run.history[name].to_numpy() for i, name in enumerate(run.history.columns)}
    if run.prices is not None and (agents or run.facts.pattern == "prices"):  # else one an agent
        arrays["prices"] = run.prices
    if agents:
        own = zip(*(_leaves(x) for x in run.agents), strict=True)
        arrays |= {"losses": run.losses} | {f"agents{i}": np.stack(leaves) for i, leaves in enumerate(own)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _head(run: Run, structures: dict[str, Any], checksums: dict[str, str]) -> bytes:
    head = {
        "accord run": VERSION,
        "facts": dataclasses.asdict(run.facts),
        "ending": _worded(run.ending),
        "certificate": None if run.certificate is None else _worded(run.certificate),
        "reason": run.reason,  # for people: `ending` is what is read
        "converged": run.converged,
        "rounds": run.rounds,
        **structures,
        "table": _described(run.table),
        "columns": list(run.history.columns),
        "sha256": checksums,
    }
    head = json.loads(json.dumps(head))  # as it will be read
    return (json.dumps({**head, "checksum": _of_head(head)}, indent=1, ensure_ascii=False) + "\n").encode()


def _unpacked(body: bytes, path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError) as error:
        raise SavedRunError(f"{path} holds something other than arrays of numbers. Do not trust it.") from error


def _described(table: Any) -> dict[str, Any] | None:
    """Describe a table's columns and their scaling: enough to name coefficients and encode rows, but no row."""
    if table is None:
        return None
    known = {field.name: getattr(table, field.name) for field in dataclasses.fields(table) if field.name != "rows"}
    return json.loads(json.dumps(known, default=lambda value: value.tolist()))


def _worded(found: Ending | Certificate) -> dict[str, Any]:
    """An ending or a certificate as JSON, which has no NaN and no infinity: those as words."""
    finite = lambda value: not isinstance(value, float) or np.isfinite(value)  # noqa: E731
    known = {name: value if finite(value) else str(value) for name, value in vars(found).items()}
    return {name: value.name if isinstance(value, Status) else value for name, value in known.items()}


def _numbers(kind: type[Any], known: dict[str, Any]) -> dict[str, Any]:
    numbers = {f.name for f in dataclasses.fields(kind) if f.type == "float"}
    return {name: float(value) if name in numbers else value for name, value in known.items()}


def _ending(known: dict[str, Any]) -> Ending:
    return Ending(**{**_numbers(Ending, known), "status": Status[known["status"]]})


def _table(described: dict[str, Any] | None) -> Any:
    if described is None:
        return None
    from accord.problems.data.encoding import Table

    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in described.items()
    }
    known["levels"] = {name: tuple(texts) for name, texts in described["levels"].items()}
    known |= {name: np.array(described[name]) for name in ("means", "scales")}
    return Table(**known, rows=())


def _history(found: dict[str, np.ndarray], names: list[str]) -> pd.DataFrame:
    """The records, every number to the bit."""
    import pandas as pd

    return pd.DataFrame({name: found[f"history{i}"] for i, name in enumerate(names)})


def _csv(history: pd.DataFrame) -> bytes:
    """The records as text, as pandas writes them but in half the time; of very many, some evenly apart and the last."""
    if (n := len(history)) > LOOKED_AT:
        history = history.iloc[sorted({*range(0, n, -(-n // LOOKED_AT)), n - 1})]
    columns = [["" if text == "nan" else text for text in map(repr, history[name].tolist())] for name in history]
    lines = [",".join(map(str, history.columns)), *map(",".join, zip(*columns, strict=True))]
    return ("\n".join(lines) + "\n").encode()


def _read_head(path: Path) -> dict[str, Any]:
    body = _bytes(path)
    try:
        head = json.loads(body)
        version = head["accord run"]
    except (ValueError, KeyError, TypeError) as error:
        raise SavedRunError(f"{path} is damaged: it is not the JSON of a run. Save the run again.") from error
    if version != VERSION:
        raise SavedRunError(
            f"{path} has the layout {version}, but this Accord reads {VERSION}. Use the Accord that saved it."
        )
    if head.pop("checksum", None) != _of_head(head):
        raise SavedRunError(f"{path} is damaged: its checksum does not match its content. Save the run again.")
    return head


def _read(path: Path, expected: str) -> bytes:
    body = _bytes(path)
    if (seen := _checksum(body)) != expected:
        raise SavedRunError(f"{path} is damaged: its checksum is {seen[:12]}, not {expected[:12]}. Save the run again.")
    return body


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SavedRunError(
            f"{path} cannot be read: {error.strerror}. Give a directory that Run.save wrote."
        ) from error


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _of_head(head: dict[str, Any]) -> str:
    return _checksum(json.dumps(head, sort_keys=True).encode())


# A pytree as JSON: {"dict": [[key, node], ...]}, {"list": [...]}, {"tuple": [...]}, None, or "array".


def _structure(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {"dict": [[key, _structure(tree[key])] for key in _keys(tree)]}
    if isinstance(tree, (list, tuple)):
        return {"list" if isinstance(tree, list) else "tuple": [_structure(part) for part in tree]}
    if tree is None or isinstance(tree, (np.ndarray, np.generic)):
        return None if tree is None else "array"
    raise SavedRunError(
        f"A decision holds a {type(tree).__name__}, which nothing but code could read back. "
        "Use dicts, lists, tuples and arrays."
    )


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, dict):
        tree = [tree[key] for key in _keys(tree)]
    if isinstance(tree, (list, tuple)):
        for part in tree:
            yield from _leaves(part)
    elif tree is not None:
        yield tree


def _keys(tree: dict[Any, Any]) -> list[str | int]:
    if wrong := [key for key in tree if type(key) not in (str, int)]:
        raise SavedRunError(
            f"A decision has the key {wrong[0]!r}. Only words and whole numbers can be saved; rename it."
        )
    return sorted(tree, key=lambda key: (isinstance(key, str), key))


def _built(structure: Any, leaf: Callable[[int], np.ndarray]) -> Any:
    """The pytree of a structure, its leaves taken in turn."""
    count = iter(range(2**62))

    def build(node: Any) -> Any:
        if node is None or node == "array":
            return None if node is None else leaf(next(count))
        ((kind, parts),) = node.items()
        if kind == "dict":
            return {key: build(part) for key, part in parts}
        return [build(part) for part in parts] if kind == "list" else tuple(build(part) for part in parts)

    return build(structure)
