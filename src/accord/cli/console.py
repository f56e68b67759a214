"""The lines in a terminal while a command works: sentences, and the progress."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec

from accord.errors import AccordError

# What a command needs is imported when it is called, so that --help is quick.

P = ParamSpec("P")


def refusing(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command say what Accord refuses in one sentence in red, and end with exit code 2."""
    import typer

    @functools.wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AccordError as error:
            typer.secho(str(error), fg=typer.colors.RED, err=True)
            raise typer.Exit(2) from error

    return told


@contextmanager
def progress(task: str, rounds: int, quiet: bool) -> Iterator[Callable[[Any], None] | None]:
    """A bar of rounds on the standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from accord.core.formatting import number

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        running = bar.add_task(task, total=rounds, state="compiling")

        def notify(status: Any) -> None:
            state = f"objective {number(status.objective)}, disagreement {number(status.disagreement, 2)}"
            bar.update(running, completed=status.round, state=state)

        yield notify


@contextmanager
def working(task: str, quiet: bool) -> Iterator[None]:
    """A sign on the standard error that something is being done, where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(task):
        yield


def heading(words: str) -> Any:
    """A line in bold."""
    from rich.text import Text

    return Text(words, style="bold")


def say(*lines: Any) -> None:
    """Sentences and tables, each on lines of its own; as wide as the terminal, or wide where there is none."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 140)
    for line in lines:
        console.print(line, markup=False, soft_wrap=isinstance(line, str) and not console.is_terminal)
