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


def print_answer(
    study: Any, path: Path, results: Path, *, write: bool, replace: bool = False
) -> None:
    """Print the tables and the sentences of what is stored; with `write`, write the report too,
    with `replace` whatever the one tells that is there."""
    found = answered(study, path, results)
    if not found.stored:
        raise StudyError([f"{found.folder}: nothing stored yet; `lab run {path}` comes first"])
    out = console()
    for table in found.tables:
        print_table(out, table.words or study.question, table.columns, table.rows)
    for sentence in found.sentences:
        out.print(sentence, highlight=False, markup=False)
    if write:
        say("Written: " + ", ".join(map(str, found.write(replace=replace))))


def answered(study: Any, path: Path, results: Path) -> Any:
    """What is stored of a study says."""
    import lab

    return lab.answer(study, results, name=path.stem)
