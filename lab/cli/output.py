"""What verbs print: lines, tables, progress, and the answer of a study."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import typer

from lab.mistakes import StudyError

PATIENCE = 2.0
"""Seconds of silence before progress is shown."""
Item = TypeVar("Item")


def say(text: str = "") -> None:
    """One line on standard output."""
    typer.echo(text)


def console() -> Any:
    """Where tables go: as wide as the terminal, or 150 columns in a file or pipe."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=150)


def print_table(out: Any, title: str, head: Iterable[str], lines: Iterable[Sequence[str]]) -> None:
    """A table of text cells."""
    from rich.table import Table

    table = Table(title=title)
    for name in head:
        table.add_column(name, overflow="fold")
    for cells in lines:
        table.add_row(*cells)
    out.print(table)


def counted(items: Sequence[Item], what: str, unit: str = "points") -> Iterator[Item]:
    """The items one by one, with progress on standard error after PATIENCE: a bar that vanishes
    at the end on a terminal, one line elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    err = Console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=len(items), visible=False)

        def show() -> None:
            if err.is_terminal:
                bar.update(task, visible=True)
            else:
                typer.echo(f"{what} {len(items)} {unit} …", err=True)

        timer = threading.Timer(PATIENCE, show)
        timer.start()
        try:
            for item in items:
                yield item
                bar.advance(task)
        finally:
            timer.cancel()


@contextmanager
def patient(what: str) -> Iterator[None]:
    """A line on standard error if what is inside takes longer than PATIENCE."""
    timer = threading.Timer(PATIENCE, lambda: typer.echo(f"{what} …", err=True))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def print_answer(study: Any, path: Path, results: Path, *, write: bool) -> None:
    """Print the table and the sentences of what is stored; with `write`, write the report too."""
    from lab.answers import answer, phases
    from lab.execution.store import Store, folder
    from lab.show import report as reports

    with Store.read(folder(path, results)) as store:
        if not store.states():
            raise StudyError([f"{store.path}: nothing stored yet; `lab run {path}` comes first"])
        found = answer.answers(study, store)
        out = console()
        head = reports.brief(reports.head(found))
        print_table(out, study.question, head, map(reports.brief, reports.lines(found)))
        maps = phases.phases(study, store)
        for sentence in reports.sentences(found, maps):
            out.print(sentence, highlight=False, markup=False)
        if write:
            files = reports.write(found, maps, store, path.stem)
            say("Written: " + ", ".join(map(str, files)))
