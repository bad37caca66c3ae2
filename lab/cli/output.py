"""What verbs print: lines, and the answer of a study."""

from __future__ import annotations

import sys
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


def print_answer(study: Any, path: Path, results: Path, *, write: bool) -> None:
    """Print the table and the sentences of what is stored; with `write`, write the report too."""
    from rich.table import Table

    from lab.runs import answer
    from lab.runs.store import Store, folder
    from lab.show import report as reports

    with Store.read(folder(path, results)) as store:
        if not store.states():
            raise StudyError([f"{store.path}: nothing stored yet; `lab run {path}` comes first"])
        found = answer.answer(study, store)
        table = Table(title=study.question)
        for name in reports.HEAD:
            table.add_column(name, overflow="fold")
        for cells in reports.lines(found):
            table.add_row(*cells)
        out = console()
        out.print(table)
        for sentence in reports.sentences(found):
            out.print(sentence, highlight=False, markup=False)
        if write:
            files = reports.write(found, store, path.stem)
            say("Written: " + ", ".join(map(str, files)))
