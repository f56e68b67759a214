"""Shards that live elsewhere: checked when they are fetched, from a function, an Arrow or a Parquet file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from accord import Problem, problems
from accord.errors import DataError, MissingExtra, ProblemError, UnknownName
from accord.problems import Stored, from_arrow, generated


def farms(sizes: list[int]) -> pa.Table:
    """Rows that count, a farm's together."""
    n = sum(sizes)
    numbers = np.arange(3 * n, dtype=np.float32)
    pixels = pa.FixedSizeListArray.from_arrays(pa.array(numbers[: 2 * n]), 2)
    farm = np.repeat([f"farm {k}" for k in range(len(sizes))], sizes)
    return pa.table({"farm": farm, "pixels": pixels, "rain": numbers[2 * n :], "crop": np.arange(n) % 3})


def written(table: pa.Table, path: Path, batch: int = 4) -> Path:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)
    return path


def test_a_cohort_is_read_from_a_mapped_file_across_its_batches(tmp_path: Path) -> None:
    stored = from_arrow(written(farms([3, 2, 5]), tmp_path / "farms.arrow"), by="farm", target="crop")
    assert stored.sizes.tolist() == [3, 2, 5]
    features, targets = stored.rows(np.array([2, 0]))
    np.testing.assert_array_equal(targets, [2, 0, 1, 2, 0, 0, 1, 2])
    np.testing.assert_array_equal(features[:, 0], [10, 12, 14, 16, 18, 0, 2, 4])
    np.testing.assert_array_equal(features[:, 2], [25, 26, 27, 28, 29, 20, 21, 22])
    assert features.dtype == np.float32
    assert problems.softmax(stored, classes=3).names == ("farm 0", "farm 1", "farm 2")


def test_a_parquet_file_is_unpacked_once(tmp_path: Path) -> None:
    table = farms([3, 2, 5])
    parquet.write_table(table, tmp_path / "farms.parquet", row_group_size=3)
    packed = from_arrow(tmp_path / "farms.parquet", by="farm", target="crop", unpacked=tmp_path / "unpacked.arrow")
    again = from_arrow(tmp_path / "unpacked.arrow", by="farm", target="crop")
    for one, other in zip(packed.rows(np.arange(3)), again.rows(np.arange(3)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_of_an_agent_that_lie_apart_are_refused(tmp_path: Path) -> None:
    table = farms([2, 2]).take([0, 2, 1, 3])
    with pytest.raises(DataError, match=r"The rows of agent 'farm 0' lie apart. Sort the file by 'farm'"):
        from_arrow(written(table, tmp_path / "farms.arrow"), by="farm", target="crop")


def test_columns_that_cannot_be_learnt_from_are_refused(tmp_path: Path) -> None:
    path = written(farms([2, 2]).append_column("owner", pa.array(["a", "b", "c", "d"])), tmp_path / "farms.arrow")
    with pytest.raises(DataError, match="Column 'owner' holds string"):
        from_arrow(path, by="farm", target="crop")
    with pytest.raises(UnknownName, match="Did you mean 'crop'"):
        from_arrow(path, by="farm", target="crops", features=["rain"])
    with pytest.raises(ProblemError, match="There is no file"):
        from_arrow(tmp_path / "none.arrow", by="farm", target="crop")
    (tmp_path / "odd.arrow").write_text("farm,crop")
    with pytest.raises(DataError, match=r"odd.arrow cannot be read as an Arrow file"):
        from_arrow(tmp_path / "odd.arrow", by="farm", target="crop")


def test_missing_values_are_refused(tmp_path: Path) -> None:
    table = pa.table({"farm": [1, 1], "rain": [0.5, None], "crop": [1, 0]})
    with pytest.raises(DataError, match="Column 'rain' has 1 missing values"):
        from_arrow(written(table, tmp_path / "farms.arrow"), by="farm", target="crop")


def test_a_file_that_has_become_shorter_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = written(farms([3, 4, 5]), tmp_path / "farms.arrow")
    crowd, size = from_arrow(path, by="farm", target="crop"), path.stat().st_size
    np.testing.assert_array_equal(len(crowd[2][1]), 5)
    with open(path, "r+b") as file:
        file.truncate(size - 100)
    with pytest.raises(DataError, match=rf"had {size} bytes when it was opened, and now it has {size - 100}"):
        crowd[2]


MUTATED = """
import random, sys
from pathlib import Path
from accord.errors import AccordError
from accord.problems import from_arrow
whole, mutated, told = Path(sys.argv[1]).read_bytes(), Path(sys.argv[1] + ".mutated"), {"read": 0, "refused": 0}
for seed in range(200):
    chance, body = random.Random(seed), bytearray(whole)
    for _ in range(chance.choice([1, 1, 2, 4])):
        body[chance.randrange(len(body))] = chance.randrange(256)
    mutated.unlink(missing_ok=True)
    mutated.write_bytes(body)
    try:
        crowd = from_arrow(mutated, by="farm", target="crop")
        for k in range(len(crowd.sizes)): crowd[k]
        told["read"] += 1
    except AccordError:
        told["refused"] += 1
print(told["refused"], sum(told.values()))
"""


def test_a_damaged_file_is_refused_and_never_ends_the_program(tmp_path: Path) -> None:
    """Bytes of an Arrow file changed at random: what it says of its own places is not believed."""
    path = written(farms([6] * 10), tmp_path / "farms.arrow", batch=20)
    found = subprocess.run([sys.executable, "-c", MUTATED, path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    refused, of = map(int, found.stdout.split())
    assert of == 200
    assert refused >= 50


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(farms([2]), tmp_path / "farms.arrow")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[parquet\]'"):
        from_arrow(path, by="farm", target="crop")


SIZES = np.array([2, 0, 3])


def rows(k: int) -> Any:
    return np.full((SIZES[k], 2), float(k)), np.full(SIZES[k], k % 2)


@pytest.mark.parametrize(
    ("k", "wrong", "message"),
    [
        (2, (np.ones((2, 2)), np.ones(2, int)), "Agent 2: its size is 3, but its shard has arrays of the shapes"),
        (2, (np.ones((3, 4)), np.ones(3, int)), "agents 0, 2 do not go together"),
        (2, (np.full((3, 2), np.nan), np.ones(3, int)), "Agent 2: features holds a value that is NaN"),
        (2, np.ones((3, 2)), "agents 0, 2 do not go together"),
    ],
)
def test_what_is_fetched_is_checked(k: int, wrong: Any, message: str) -> None:
    stored = generated(lambda j: wrong if j == k else rows(j), SIZES)
    assert stored[0][0].shape == (2, 2)
    with pytest.raises(DataError, match=message):
        stored.rows(np.array([0, k]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.ones((3, 2)), "structured as"),
        ((np.ones((3, 2), np.float32), np.ones(3, int)), r"float32\[2\], but the first agent's is float64\[2\]"),
        ((np.ones((4, 2)), np.ones(4, int)), "sizes add up to 3 rows"),
    ],
)
def test_what_a_function_of_many_fetches_is_checked(wrong: Any, message: str) -> None:
    stored = Stored(lambda ks: wrong if len(ks) == 1 and ks[0] == 2 else rows(int(ks[0])), SIZES)
    with pytest.raises(DataError, match=message):
        stored.rows(np.array([2]))


def test_labels_are_checked_when_they_are_fetched() -> None:
    stored = generated(lambda k: (rows(k)[0], np.full(SIZES[k], k)), SIZES)
    problem = problems.softmax(stored, classes=2)
    assert problem.shards[0][1].dtype == np.int32
    with pytest.raises(DataError, match="Agent 2: targets hold 3 labels that are not whole numbers from 0 to 1"):
        problem.shards.rows(np.array([0, 2]))


def test_weights_follow_sizes_and_the_panel_has_rows() -> None:
    problem = Problem(lambda x, row: (x - row[0][0]) ** 2, generated(rows, SIZES), x0=0.0)
    assert problem.weights.round(12).tolist() == [0.4, 0.0, 0.6]
    assert Stored(rows, SIZES, panel=2).examined.tolist() == [0, 2]
    assert problem.panel.tolist() == [0, 1, 2]
    assert problem.sample(2).weights.round(12).tolist() == [0.4, 0.6]


@pytest.mark.parametrize("sizes", [np.zeros(3, int), np.ones(3), np.ones((2, 2), int), np.array([1, -1])])
def test_sizes_are_whole_numbers_of_rows(sizes: np.ndarray) -> None:
    with pytest.raises(DataError, match="one whole number of rows an agent"):
        Stored(rows, sizes)


def test_the_centralised_answer_needs_all_data() -> None:
    problem = Problem(lambda x, row: (x - row[0][0]) ** 2, generated(rows, SIZES), x0=0.0)
    with pytest.raises(ProblemError, match=r"problem.sample"):
        problem.solve()
