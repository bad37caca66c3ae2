"""What verbs print: lines, tables, and the answer of a study."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from lab.mistakes import StudyError


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


def print_answer(study: Any, path: Path, results: Path, *, write: bool) -> None:
    """Print the tables and the sentences of what is stored; with `write`, write the report too."""
    from lab.answers import answer
    from lab.execution.store import Store, folder
    from lab.show import report as reports

    with Store.read(folder(path, results)) as store:
        if not store.states():
            raise StudyError([f"{store.path}: nothing stored yet; `lab run {path}` comes first"])
        found = answer.answers(study, store)
        out = console()
        for table in reports.tables(found):
            print_table(out, table.words or study.question, table.columns, table.rows)
        for sentence in reports.sentences(found):
            out.print(sentence, highlight=False, markup=False)
        if write:
            files = reports.write(found, store, path.stem)
            say("Written: " + ", ".join(map(str, files)))
