"""Options that several verbs share, and all that verbs print: lines, sentences, tables, JSON, the
answer of a study."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.mistakes import StudyError
from lab.terminal import Terminal, flagged

if TYPE_CHECKING:
    from lab.config.study import Study
    from lab.report.report import StudyReport

FOLDER = "LAB_RESULTS"
"""The variable of the environment that names the folder of all results."""
RESULTS = Path("results")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]


def _named(text: str | Path) -> Path:
    """A folder that is named; an empty name would be the working directory."""
    if not str(text).strip():
        raise typer.BadParameter("it is empty; name a folder, as in results.")
    return Path(text)


Results = Annotated[
    Path, typer.Option("--results", envvar=FOLDER, parser=_named, metavar="FOLDER",
                       help="Folder that holds all results."),
]  # fmt: skip
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE",
                 help="Override a setting, as in --set training.steps=2000. Repeatable."),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Wide = Annotated[bool, typer.Option("--wide", help="Print all columns, even on a narrow terminal.")]


def read(study: Path, overrides: list[str] | None) -> Study:
    """The study of a file with its overrides; raises StudyError with every mistake."""
    import lab

    return lab.read(study, overrides or ())


def results_folder() -> Path:
    """Default folder of results."""
    return Path(os.environ.get(FOLDER) or RESULTS)


def capped(lanes: int | None) -> int | None:
    """At most as many lanes as this machine has cores, with a warning if more were asked for."""
    from lab.execution.engine import cores

    if lanes is None or lanes <= cores():
        return lanes
    typer.echo(
        f"{lanes} lanes were asked for, and this machine has {cores()} cores: as many are used.",
        err=True,
    )
    return cores()


def completing(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """A shell's completion: which of these names begin as what is typed."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def laws() -> Iterable[str]:
    """Laws of tables."""
    from lab.scaling.laws.fit import LAWS

    return LAWS


def presets() -> Iterable[str]:
    """Studies to start from."""
    from lab.config import toml

    return toml.preset_questions()


def engines() -> Iterable[str]:
    """Engine that trains groups."""
    from lab.execution.settings import ENGINES

    return ENGINES


Lanes = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Number of groups trained at once; default: one per core."),
]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        autocompletion=completing(engines),
        metavar="NAME",
        help="Engine that trains groups: processes (worker processes on this machine, the "
        "default), threads (of this process), dask (a running Dask cluster), slurm (jobs, by "
        "dask-jobqueue). LAB_ENGINE, or a `lab.toml` beside the study, may set it too.",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Scheduler for --engine dask, as tcp://host:8786."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of Dask workers for --engine slurm.")
]


def say(text: str = "") -> None:
    """Lines on standard output."""
    typer.echo(Terminal.of(sys.stdout).line(text))


def say_json(value: Any) -> None:
    """One value as JSON on standard output, on one line."""
    typer.echo(json.dumps(value))


def say_sentence(text: str) -> None:
    """A sentence or more, broken between words where the output ends."""
    typer.echo(Terminal.of(sys.stdout).paragraph(flagged(text)))


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


def command(verb: str, study: Study, results: Path, *more: str) -> list[str]:
    """The words after `lab` of a command on a study: with its overrides, and its results folder if
    that is not the usual one."""
    elsewhere = [] if results == RESULTS else ["--results", str(results)]
    return study.origin.command(verb, *more, *elsewhere)


def typed(words: Iterable[str]) -> str:
    """The words of a command as they are typed into a shell."""
    return shlex.join(["lab", *words])


def answered(study: Study, results: Path) -> StudyReport:
    """The report of what is stored of a study. Raises StudyError where nothing is."""
    import lab

    found = lab.answer(study, results)
    if not found.stored:
        first = typed(command("run", study, results))
        raise StudyError([f"{found.folder}: nothing stored yet; `{first}` comes first"])
    return found


def say_report(
    found: StudyReport, *, write: bool, replace: bool = False, wide: bool = False
) -> None:
    """Print the tables and the sentences of a report; with `write`, write it too, with `replace`
    whatever the one tells that is there. What must not be written is not printed."""
    if write and not found.lacking:
        found.check(replace=replace)
    for table in found.tables:
        title = table.words or found.question
        say_table(title, table.columns, table.rows, most=table.most, wide=wide)
    for sentence in found.sentences:
        say_sentence(sentence)
    if found.lacking or found.source:
        say_sentence(found.lacking or found.source)
    if write and found.lacking:
        say_sentence(f"The report in {found.folder} knew more, and stays as it is.")
    elif write:
        if found.overrides:
            say_sentence(f"With overrides the report has a folder of its own, {found.folder}; that "
                         "of the study as it stands is not touched.")  # fmt: skip
        say("Written: " + ", ".join(map(str, found.write(replace=replace))))


def say_source(study: Study, results: Path) -> None:
    """Say where runs are read from that no store has."""
    from lab.execution.store import Store, folder

    path = folder(study.origin.file or "study", results)
    with Store.read(path, overrides=study.origin.overrides) as store:
        if store.source:
            say_sentence(store.source)
