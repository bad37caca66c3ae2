"""What several verbs take, the values that a shell may complete, and how verbs read a study."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

FOLDER = "LAB_RESULTS"
"""The variable of the environment that names the folder of all results."""
RESULTS = Path("results")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
Results = Annotated[
    Path, typer.Option("--results", envvar=FOLDER, help="Folder that holds all results.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE",
                 help="Override a setting, as in --set training.steps=2000. Repeatable."),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Wide = Annotated[
    bool, typer.Option("--wide", help="All columns, also where the terminal has no room for them.")
]


def read(study: Path, overrides: list[str] | None) -> Any:
    """The study of a file with its overrides; raises StudyError with every mistake."""
    import lab

    return lab.read(study, overrides or ())


def results_folder() -> Path:
    """Where results are if no option says so."""
    return Path(os.environ.get(FOLDER) or RESULTS)


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
    from lab import templates

    return templates.questions()


def engines() -> Iterable[str]:
    """Where groups are trained."""
    from lab.execution.engines import ENGINES

    return ENGINES


Lanes = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Groups trained at once; default: one per core."),
]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        autocompletion=completing(engines),
        metavar="NAME",
        help="Where groups are trained: processes (worker processes on this machine, the "
        "default), threads (of this process), dask (a running Dask cluster), slurm (jobs, by "
        "dask-jobqueue). LAB_ENGINE, or a `lab.toml` beside the study, may say it too.",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Of --engine dask, as tcp://host:8786.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Dask workers that --engine slurm asks for.")
]
