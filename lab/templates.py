"""The study files that come with the lab, as starting points for `lab init`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from lab.mistakes import StudyError, unknown

STUDIES = Path(__file__).parent / "studies"
"""The studies of the checkout, which the package takes along; a preset is one by its name."""


def questions() -> dict[str, str]:
    """Name of every preset and the question it asks."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in _files()}
    return {name: tomllib.loads(text)["question"] for name, text in texts.items()}


def text(preset: str) -> str:
    """The commented TOML of a preset. Raises StudyError with the known names."""
    known = [file.stem for file in _files()]
    if preset not in known:
        raise StudyError([unknown("preset", preset, known)])
    return (STUDIES / f"{preset}.toml").read_text(encoding="utf-8")


def _files() -> list[Path]:
    found = sorted(STUDIES.glob("*.toml"))
    if not found:
        raise StudyError(
            [f"{STUDIES}: the studies to start from are not there; install the lab again, or copy "
             "one from its repository"]
        )  # fmt: skip
    return found
