"""The text of a study: what it contains, and on which line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accord.errors import StudyError, UnknownName

Path = tuple[str | int, ...]
"""The way to an entry: tables, then a key; the number of an entry of an array of tables counts from 0."""

WORD = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
HEADER = re.compile(rf"\s*(\[\[?)\s*({WORD}(?:\s*\.\s*{WORD})*)\s*\]")
ENTRY = re.compile(rf"\s*({WORD}(?:\s*\.\s*{WORD})*)\s*=")


@dataclass(frozen=True)
class Source:
    """A TOML text with the name it goes by; every refusal names the line.

    >>> source = Source("mine.toml", "[method]\\nname = 'fedavg'\\nstpes = 3")
    >>> source.tables["method"]["stpes"], source.line(("method", "stpes"))
    (3, 3)
    """

    name: str
    text: str

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The tables of the text. Raises `StudyError` where it is not TOML."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = re.fullmatch(r"(.*) \(at (?:line (\d+), .*|end of document)\)", str(error))
            words, line = (found[1], found[2]) if found else (str(error), None)
            where = f", line {line}" if line else ", at its end"
            raise StudyError(f"{self.name}{where}: {words}. Write it as TOML: key = value.") from error

    def line(self, path: Path) -> int:
        """The line of an entry, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def error(self, path: Path, message: str) -> StudyError:
        """A refusal that names the file and the line."""
        return StudyError(f"{self.name}, line {self.line(path)}: {message}")

    def unknown(self, path: Path, kind: str, name: object, known: Iterable[str], where: str = "") -> StudyError:
        """A refusal of a name, with the nearest that there is."""
        return self.error(path, str(UnknownName(kind, str(name), known, where)))

    @cached_property
    def _lines(self) -> dict[Path, int]:
        lines: dict[Path, int] = {}
        table: Path = ()
        counts: dict[Path, int] = {}
        for number, line in _outside_texts(self.text):
            if header := HEADER.match(line):
                table = _words(header[2])
                if header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, counts[table])
                lines.setdefault(table, number)
            elif entry := ENTRY.match(line):
                lines.setdefault((*table, *_words(entry[1])), number)
        return lines


def _words(dotted: str) -> Path:
    return tuple(word.strip("\"'") for word in re.findall(WORD, dotted))


def _outside_texts(text: str) -> Iterable[tuple[int, str]]:
    """The lines that do not begin within a text of several lines."""
    within = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not within:
            yield number, line
        for quotes in re.findall(r'"""|' + "'''", line):
            within = "" if within == quotes else within or quotes
