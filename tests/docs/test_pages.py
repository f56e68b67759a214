"""What the README and the pages show has been run."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import pages

ROOT = Path(__file__).parents[2]
SHOWN = [path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))] if "```python\n" in path.read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("path", SHOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_a_page_runs(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    assert len(list(pages.execute(text, str(path), str(tmp_path)))) == text.count("```python\n")


PAGE = """
```python
from matplotlib.figure import Figure
x = 6 * 7
```
and
```python
print(x)
Figure()
```
end
"""


def test_what_a_block_prints_and_draws_is_put_beneath_it() -> None:
    filled = pages.filled(PAGE, "page.md")
    places = [filled.index(word) for word in ("\nand\n", "```{.text .output}\n42\n```", "<svg", "\nend\n")]
    assert places == sorted(places)


def test_a_block_that_fails_names_the_page_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as failure:
        list(pages.execute("# Title\n\n```python\nx = 1\nx / 0\n```\n", "page.md", str(tmp_path)))
    last = failure.traceback[-1]
    assert (str(last.path), last.lineno + 1) == ("page.md", 5)
