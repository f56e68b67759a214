"""The page of benchmarks says what the programs say and shows what they wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.benchmark_page import page

TIMED = {"median": 1234.5, "least": 1.0, "most": 2345.6, "ratio": 2.0, "unit": "ms"}


def written(folder: Path, **figures: Any) -> Path:
    (folder / "results").mkdir()
    (folder / "speed.py").write_text('"""How fast it is.\n\nOn a track.\n\n    python speed.py\n"""\n')
    about = {"machine": {"cpu": "abacus", "cores": 2, "python": "3.11"}, "versions": {"accord": "0.1"}, "seed": 0}
    (folder / "results" / "speed.json").write_text(json.dumps({**about, **figures}))
    return folder


def test_a_section_has_the_programs_words_its_figures_and_its_machine(tmp_path: Path) -> None:
    text = page(written(tmp_path, laps=3, long_race={"floor": TIMED, "accord": TIMED}))
    assert text.startswith("## How fast it is\n\nOn a track.\n\n    python speed.py")
    assert "Also measured: laps 3." in text
    assert "| long race | floor | 1,234 | 1.00 to 2,346 | ms | 2.00 |\n|  | accord |" in text
    assert text.endswith("*abacus, 2 cores; Python 3.11, accord 0.1; seed 0.*")


def test_counts_are_rows_of_one_table_and_many_rows_are_folded(tmp_path: Path) -> None:
    rows = [{"method": f"m{i}", "rounds": None if i else 12.0, "settings": {"a": 1}} for i in range(30)]
    text = page(written(tmp_path, clients_10={"ms": 0.12345, "GB": 1}, clients_20={"ms": 2.0, "GB": 2}, rows=rows))
    assert "|  | ms | GB |\n| --- | --: | --: |\n| clients 10 | 0.123 | 1 |\n| clients 20 | 2.00 | 2 |" in text
    assert '??? note "30 rows"\n\n    | method | rounds |' in text
    assert "    | m0 | 12.0 |\n    | m1 | – |" in text


def test_results_of_a_program_that_is_gone_are_not_shown(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "speed.py").unlink()
    assert page(folder) == ""
