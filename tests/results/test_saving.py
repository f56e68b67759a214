"""A saved run comes back to the bit, or is refused by the name of the file that is wrong."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
import pytest

import accord
from accord.errors import SavedRunError
from accord.results import saving
from accord.results.reports.context import ReportContext
from accord.results.run import Run
from accord.results.saving import load


def save(run: Run, directory: Path) -> Path:
    """All of it, single agents too."""
    return saving.save(run, directory, agents=True)


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.fixture(scope="module")
def run() -> Run:
    return accord.run(
        accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0]), accord.FedSGD(), stop=accord.Stop(rounds=30)
    )


def same(a: Any, b: Any) -> bool:
    """The same structure, dtypes, shapes and bits."""
    left, right = jax.tree.flatten(a), jax.tree.flatten(b)
    return left[1] == right[1] and all(
        (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
        for x, y in zip(left[0], right[0], strict=True)
    )


def test_a_run_comes_back_to_the_bit(run: Run, tmp_path: Path) -> None:
    again = load(save(run, tmp_path / "new" / "folder"))
    assert same((run.x, run.agents, run.losses), (again.x, again.agents, again.losses))
    pd.testing.assert_frame_equal(run.history, again.history, check_exact=True)
    assert again.facts == run.facts
    assert (again.reason, again.converged, again.rounds, again.prices) == (run.reason, run.converged, run.rounds, None)
    assert str(again) == str(run)


def test_prices_come_back(tmp_path: Path) -> None:
    market = accord.problems.dispatch([0.004, 0.006], [5.3, 5.5], [500, 400], None, None, demand=600.0)
    run = accord.run(market, accord.DualDecomposition(), stop=accord.Stop(rounds=20))
    again = load(save(run, tmp_path))
    assert same((run.x, run.prices), (again.x, again.prices))
    assert list(again.history.columns) == list(run.history.columns)


STRUCTURES = [
    np.array(0.1 + 0.2),
    {"b": [np.ones(2), (np.arange(3, dtype=np.float32), None)], "a": {}},
    {7: np.ones((2, 0)), 3: np.array([[np.nan, -0.0]])},
    (),
]


@pytest.mark.parametrize("x", STRUCTURES, ids=["number", "nested", "numbered", "empty"])
def test_every_structure_of_a_decision_comes_back(x: Any, run: Run, tmp_path: Path) -> None:
    agents = [x, jax.tree.map(lambda leaf: leaf + 1, x)]
    again = load(save(dataclasses.replace(run, x=x, own=agents, problem=None), tmp_path))
    assert same((again.x, again.agents), (x, agents))


def test_a_named_tuple_comes_back_as_a_tuple(run: Run, tmp_path: Path) -> None:
    x = Pair(np.array(1.0), np.array([2.0]))
    again = load(save(dataclasses.replace(run, x=x, own=[x, x], problem=None), tmp_path))
    assert type(again.x) is tuple
    assert same(again.x, tuple(x))
    assert same(again.agents[1], tuple(x))


def test_numbers_that_decimals_often_lose_come_back(run: Run, tmp_path: Path) -> None:
    values = np.array([0.1 + 0.2, 1e-310, np.nan, np.inf, -np.inf, -0.0, np.nextafter(1, 2), 1 / 3])
    history = pd.DataFrame({"objective": values, "bytes": np.array([2**62 + 1] * len(values))})
    again = load(save(dataclasses.replace(run, history=history), tmp_path))
    assert (tmp_path / "history.csv").read_text() == history.to_csv(index=False)
    assert again.history["objective"].to_numpy().tobytes() == values.tobytes()
    assert again.history["bytes"].tolist() == history["bytes"].tolist()


def test_of_very_many_records_the_text_shows_some_and_the_arrays_keep_all(run: Run, tmp_path: Path) -> None:
    history = pd.DataFrame({"round": np.arange(250_002), "objective": np.random.default_rng(0).random(250_002)})
    again = load(save(dataclasses.replace(run, history=history), tmp_path))
    assert again.history.equals(history)
    shown = pd.read_csv(tmp_path / "history.csv", float_precision="round_trip")
    assert shown.equals(history.iloc[[*range(0, 250_002, 3), 250_001]].reset_index(drop=True))


def test_a_table_comes_back_without_its_rows(run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame({"by": list("aabb"), "sex": list("mfmf"), "x": [0.0, 1, 2, 3], "y": [0, 1, 1, 0]})
    table = accord.Problem.from_table(frame, by="by", target="y", least=1).table
    again = load(save(dataclasses.replace(run, table=table), tmp_path)).table
    assert again.columns == table.columns
    assert again.rows == ()
    np.testing.assert_array_equal(again.encode(frame), table.encode(frame))
    assert "rows" not in json.loads((tmp_path / "run.json").read_text())["table"]


def test_what_only_code_could_read_back_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SavedRunError, match="holds a object"):
        save(dataclasses.replace(run, x=object(), own=[object()], problem=None), tmp_path)
    with pytest.raises(SavedRunError, match=r"the key \(1, 2\)"):
        save(dataclasses.replace(run, x={(1, 2): np.ones(1)}, problem=None), tmp_path)


def truncated(body: bytes) -> bytes:
    return body[: len(body) // 2]


def flipped(body: bytes) -> bytes:
    return flipped_at(body, len(body) // 2)


def flipped_at(body: bytes, place: int) -> bytes:
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


@pytest.mark.parametrize("name", ["run.json", "history.csv", "arrays.npz"])
@pytest.mark.parametrize("damage", [truncated, flipped, lambda body: b""], ids=["truncated", "flipped", "empty"])
def test_fault_50_a_damaged_file_is_refused_by_name(
    name: str, damage: Callable[[bytes], bytes], run: Run, tmp_path: Path
) -> None:
    path = save(run, tmp_path) / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SavedRunError, match=name.replace(".", r"\.") + " is damaged"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "history.csv", "arrays.npz"])
def test_fault_50_a_missing_file_is_refused_by_name(name: str, run: Run, tmp_path: Path) -> None:
    (save(run, tmp_path) / name).unlink()
    with pytest.raises(SavedRunError, match=name.replace(".", r"\.") + " cannot be read"):
        load(tmp_path)


def test_fault_50_files_of_two_runs_are_not_mixed(run: Run, tmp_path: Path) -> None:
    other = dataclasses.replace(run, x=run.x + 1)
    mixed = save(other, tmp_path / "other") / "arrays.npz"
    (save(run, tmp_path / "run") / "arrays.npz").write_bytes(mixed.read_bytes())
    with pytest.raises(SavedRunError, match=r"arrays\.npz is damaged: its checksum is"):
        load(tmp_path / "run")


def test_fault_51_another_layout_is_refused_with_both_versions(run: Run, tmp_path: Path) -> None:
    path = save(run, tmp_path) / "run.json"
    path.write_text(path.read_text().replace('"accord run": 2', '"accord run": 99'))
    with pytest.raises(SavedRunError, match="has the layout 99, but this Accord reads 2"):
        load(tmp_path)


class Bomb:
    """A pickle that would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_fault_32_a_pickle_is_refused_and_not_executed(run: Run, tmp_path: Path) -> None:
    folder, exploded = save(run, tmp_path / "run"), tmp_path / "exploded"
    buffer = io.BytesIO()
    np.savez(buffer, losses=np.array([Bomb(exploded)], dtype=object))
    (folder / "arrays.npz").write_bytes(buffer.getvalue())
    head = json.loads((folder / "run.json").read_text())
    head["sha256"]["arrays.npz"] = saving._checksum(buffer.getvalue())
    head.pop("checksum")
    (folder / "run.json").write_text(json.dumps({**head, "checksum": saving._of_head(head)}))
    with pytest.raises(SavedRunError, match="other than arrays of numbers"):
        load(folder)
    assert not exploded.exists()


def test_single_agents_are_saved_only_when_asked(tmp_path: Path) -> None:
    """From a one-row agent's model after a step of a known length its row can be worked out: it is not in the files."""
    problem = accord.problems.least_squares([(np.array([[2.0, 1.0]]), np.array([3.0]))] * 2, l2=0.1)
    run = accord.run(problem, accord.FedAvg(accord.GradientDescent(1, 0.1)), stop=accord.Stop(rounds=3))
    again = load(run.save(tmp_path))
    assert same(again.x, run.x)
    assert not again.has_agents
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert {name.rstrip("0123456789") for name in arrays.files} == {"x", "history"}
    for ask in (lambda: again.agents, lambda: again.losses, lambda: again.worst_agent, again.fares):
        with pytest.raises(SavedRunError, match=r"without its agents' .*agents=True"):
            ask()
    assert f"the largest loss of an agent is {run.worst:.6g}" in str(again)
    assert run.worst_agent not in json.dumps(again.summary()["worst_agent"])


def test_a_page_tells_of_single_agents_only_when_asked(tmp_path: Path) -> None:
    problem = accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 4.0], names=["Northgate", "Southgate"])
    run = accord.run(problem, accord.FedSGD(), stop=accord.Stop(rounds=30))
    assert "gate" not in run.report(tmp_path).read_text()
    page = run.report(tmp_path, agents=True).read_text()
    assert "Northgate" in page
    assert "are of single agents" in page


def test_prices_of_caps_are_of_single_agents_and_those_of_a_market_are_not(run: Run, tmp_path: Path) -> None:
    priced = dataclasses.replace(run, prices=np.array([0.0, 1.0]))
    assert load(priced.save(tmp_path)).prices is None
    assert same(load(save(priced, tmp_path)).prices, priced.prices)


def test_what_was_saved_stays_where_the_next_cannot_be_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full after the first of three files."""
    save(run, tmp_path)
    written, fsync = [0], os.fsync

    def full(descriptor: int) -> None:
        written[0] += 1
        if written[0] > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SavedRunError, match=r"No space left on device.*What was there is as it was"):
        save(dataclasses.replace(run, x=run.x + 1), tmp_path)
    assert same(load(tmp_path).x, run.x)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays.npz", "history.csv", "run.json"]


def test_files_that_tell_of_single_agents_are_for_their_owner_alone(run: Run, tmp_path: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in save(run, tmp_path).iterdir()} == {0o600}


def test_a_story_is_refused_when_any_of_its_letters_is_another(tmp_path: Path) -> None:
    ReportContext(title="Farms", notes=("All is well.",), optimum=1.5).keep(tmp_path)
    assert ReportContext.of(tmp_path) == ReportContext(title="Farms", notes=("All is well.",), optimum=1.5)
    path = tmp_path / "story.json"
    body = path.read_bytes()
    for place in range(0, len(body) - 1, 3):
        path.write_bytes(flipped_at(body, place))
        if not body[place : place + 1].isspace():
            with pytest.raises(SavedRunError, match=r"story\.json is damaged"):
                ReportContext.of(tmp_path)


def test_a_run_is_pickled_without_its_problem(run: Run) -> None:
    again = pickle.loads(pickle.dumps(run))
    assert same((again.x, again.agents, again.losses), (run.x, run.agents, run.losses))
    assert again.problem is None
    assert str(again) == str(run)
