"""The index of all results: a card per study, with what its page says at the top.

What a study says is read from the `summary` that its report.html carries; nothing is fitted again.
A folder with a store and no page yet is named with the command that makes one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab.execution.registration import registered
from lab.execution.store import VARIANTS, Store
from lab.files import put
from lab.mistakes import StudyError
from lab.report.html_page import render

SUMMARY = re.compile(r'<script type="application/json" id="summary">(.*?)</script>', re.S)
FIELDS = {"name": str, "question": str, "prediction": str, "verdict": str, "words": str,
          "measured": list, "date": str}  # fmt: skip


def write(results: Path) -> Path:
    """Write results/index.html; returns it. Raises StudyError where there is nothing to list."""
    studies = sorted(_summaries(results), key=lambda one: not one["question"])
    if not studies:
        raise StudyError(
            [f"{results}: no study has a page or a store here yet; `lab run STUDY` comes first"]
        )
    text = render("index.html.j2", title="Results", studies=studies, images=" 'self' file:")
    return put(text, results / "index.html")


def _summaries(results: Path) -> Iterator[dict[str, Any]]:
    """One per folder, by name, and each variant after its study."""
    for study in sorted(path for path in results.glob("*") if path.is_dir()):
        variants = sorted(path for path in (study / VARIANTS).glob("*") if path.is_dir())
        for folder in (study, *variants):
            found = summary(folder / "report.html")
            image = folder / "exponents.png"
            name = str(folder.relative_to(results))
            if found:
                shown = quote(f"{name}/{image.name}") if image.exists() else ""
                yield {**found, "folder": name, "href": quote(f"{name}/report.html"),
                       "image": shown}  # fmt: skip
            elif (folder / "lab.db").exists():
                yield {"folder": name, "question": "", "image": "", "command": _report(folder)}


def _report(folder: Path) -> str:
    """The command that makes the page of a store: of the file that it is of, as far as known."""
    file = f"{folder.name}.toml"
    try:
        with Store.read(folder) as store:
            kept = registered(store)
    except StudyError:
        kept = ()
    if kept and kept[-1].file:
        file = os.path.relpath(folder.resolve() / kept[-1].file)
    return shlex.join(["lab", "report", file])


def summary(page: Path) -> dict[str, Any] | None:
    """What a page tells the index; None where there is no page, or one of another making."""
    if not page.exists():
        return None
    found = SUMMARY.search(page.read_text(encoding="utf-8", errors="replace"))
    try:
        values = json.loads(found[1]) if found else None
    except json.JSONDecodeError:
        return None
    if not isinstance(values, dict):
        return None
    right = all(isinstance(values.get(name), kind) for name, kind in FIELDS.items())
    return values if right else None
