"""What several verbs take, and how they read a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
Results = Annotated[Path, typer.Option("--results", help="Folder that holds all results.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE",
                 help="Override a setting, as in --set training.steps=2000. Repeatable."),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
RESULTS = Path("results")


def read(study: Path, overrides: list[str] | None) -> Any:
    """The study of a file with its overrides; raises StudyError with every mistake."""
    import lab

    return lab.read(study, overrides or ())
