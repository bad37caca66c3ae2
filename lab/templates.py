"""The study files that come with the lab, as starting points for `lab init`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from lab.mistakes import StudyError, unknown

STUDIES = Path(__file__).resolve().parent.parent / "studies"
"""The studies of this checkout; a preset is one of them by its name."""


def questions() -> dict[str, str]:
    """Name of every preset and the question it asks."""
    files = sorted(STUDIES.glob("*.toml"))
    return {f.stem: tomllib.loads(f.read_text(encoding="utf-8"))["question"] for f in files}


def text(preset: str) -> str:
    """The commented TOML of a preset. Raises StudyError with the known names."""
    known = [f.stem for f in STUDIES.glob("*.toml")]
    if preset not in known:
        raise StudyError([unknown("preset", preset, known)])
    return (STUDIES / f"{preset}.toml").read_text(encoding="utf-8")
