"""What MkDocs calls while it builds the pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import matplotlib
import pages

matplotlib.use("Agg")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Each page shows what its code printed and drew."""
    return pages.filled(markdown, page.file.src_path)
