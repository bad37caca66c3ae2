"""What verbs print: lines, sentences, tables, JSON, and the answer of a study."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from lab.mistakes import StudyError
from lab.show.terminal import Terminal


def say(text: str = "") -> None:
    """Lines on standard output."""
    typer.echo(Terminal.of(sys.stdout).line(text))


def say_json(value: Any) -> None:
    """One value as JSON on standard output, on one line."""
    typer.echo(json.dumps(value))


def say_sentence(text: str) -> None:
    """A sentence or more, broken between words where the output ends."""
    typer.echo(Terminal.of(sys.stdout).paragraph(text))


def say_table(
    title: str,
    head: Iterable[str],
    rows: Iterable[Sequence[str]],
    *,
    most: int = 0,
    wide: bool = False,
) -> None:
    """A table of text cells; most: how many of its columns matter most."""
    terminal = Terminal.of(sys.stdout, wide=wide)
    typer.echo(terminal.table(title, head, rows, most=range(most)))


def quoted(path: Path) -> str:
    """A path as it is typed into a shell."""
    return shlex.quote(str(path))


def say_answer(
    study: Any,
    path: Path,
    results: Path,
    *,
    write: bool,
    replace: bool = False,
    wide: bool = False,
) -> None:
    """Print the tables and the sentences of what is stored; with `write`, write the report too,
    with `replace` whatever the one tells that is there. What must not be written is not printed."""
    found = answered(study, path, results)
    if not found.stored:
        raise StudyError([f"{found.folder}: nothing stored yet; `lab run {quoted(path)}` comes "
                          "first"])  # fmt: skip
    if write:
        found.check(replace=replace)
    for table in found.tables:
        title = table.words or study.question
        say_table(title, table.columns, table.rows, most=table.most, wide=wide)
    for sentence in found.sentences:
        say_sentence(sentence)
    if write:
        say("Written: " + ", ".join(map(str, found.write(replace=replace))))


def answered(study: Any, path: Path, results: Path) -> Any:
    """What is stored of a study says."""
    import lab

    return lab.answer(study, results, name=path.stem)
