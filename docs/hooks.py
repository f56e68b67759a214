"""What MkDocs calls while it builds the pages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import benchmark_page
import matplotlib
import method_table
import pages
import scoreboard

matplotlib.use("Agg")

ASKED = re.compile(r"^<!-- (\w+) of methods: (\w+) -->$", re.MULTILINE)
ANSWERS = {"table": method_table.table_of, "reference": method_table.reference_of}


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Each page shows what its code printed and drew, and what it asks for of the methods and the benchmarks."""
    shown = pages.filled(markdown, page.file.src_path)
    shown = shown.replace("<!-- benchmarks -->", benchmark_page.page())
    shown = ASKED.sub(lambda asked: ANSWERS[asked[1]](asked[2]), shown)
    return shown.replace("<!-- scoreboard -->", scoreboard.picture())
