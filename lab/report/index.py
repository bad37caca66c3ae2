"""The index of all results, results/index.html: a card per study, in groups, with a search field.

Object: what each study's page says at its top, read from the summary that its report.html carries
(`pages.as_json`) and from the regimes of its fits.json; nothing is fitted again. A folder with a
store and no page yet is named with the command that makes one.
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
from lab.report.pages import render

SUMMARY = re.compile(r'<script type="application/json" id="summary">(.*?)</script>', re.S)
FIELDS = {"name": str, "question": str, "prediction": str, "verdict": str, "words": str,
          "measured": list, "date": str}  # fmt: skip
GROUPS = {
    "Exponent against size": {"resolution-width"},
    "Exponent against data": {"resolution-data"},
    "Where variance limits the loss": {"variance-data", "variance-width"},
    "Compute, steps and batches": {"compute-frontier", "learning-curve", "critical-batch"},
    "Error that rises again, and classes of rates": {"descent", "rate-class"},
    "Choosing the labels": {"selection"},
    "Measuring a dimension": {"dimension"},
}
"""The groups of the index by the regimes of their studies."""
BY_FIGURE = {"frontier": 3, "learning": 3, "batches": 3, "descent": 4, "rates": 4, "bias": 6}
"""The number of the group of a study without exponents, by its main figure."""
SEVERAL, OTHERS, EMPTY = "Size and data together", "Others", "No page yet"
FIGURES = ("exponents", "frontier", "descent", "learning", "batches", "rates", "bias", "losses")
"""Figures that a card may show, the first that there is."""
THUMBNAIL = 430.0
"""Points of a figure's width that a card shows: one panel, whose words can be read."""
FLAT = 1.8
"""Width over height beyond which a card shows the whole figure: one row of panels, or a list."""


def write_index(results: Path) -> Path:
    """Write results/index.html; returns it. Raises StudyError where there is nothing to list."""
    found = groups(results)
    if not found:
        raise StudyError(
            [f"{results}: no study has a page or a store here yet; `lab run STUDY` comes first"]
        )
    text = render("index.html.j2", title="Results", groups=found, images=" 'self' file:",
                  count=sum(map(len, found.values())))  # fmt: skip
    return put(text, results / "index.html")


def groups(results: Path) -> dict[str, list[dict[str, Any]]]:
    """The summaries of all studies by the name of their group, in the order of `GROUPS`."""
    order = (*GROUPS, SEVERAL, OTHERS, EMPTY)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in order}
    for one in _summaries(results):
        found[one["group"]].append(one)
    return {name: some for name, some in found.items() if some}


def _summaries(results: Path) -> Iterator[dict[str, Any]]:
    """One per folder, by name, and each variant after its study."""
    for study in sorted(path for path in results.glob("*") if path.is_dir()):
        variants = sorted(path for path in (study / VARIANTS).glob("*") if path.is_dir())
        for folder in (study, *variants):
            found = page_summary(folder / "report.html")
            name = str(folder.relative_to(results))
            if found:
                yield {"command": "", **found, "folder": name, "href": quote(f"{name}/report.html"),
                       "group": _group(folder), **_thumbnail(folder, name)}  # fmt: skip
            elif (folder / "lab.db").exists():
                yield {"folder": name, "question": "", "group": EMPTY, "command": _report(folder)}


def _group(folder: Path) -> str:
    """The group of a study, by the regimes of its panels."""
    try:
        fits = json.loads((folder / "fits.json").read_text(encoding="utf-8"))
        regimes = {part["regime"] for part in fits.get("panels", [fits])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        drawn = (number for name, number in BY_FIGURE.items() if (folder / f"{name}.svg").exists())
        return [*GROUPS, OTHERS][next(drawn, -1)]
    known = next((name for name, some in GROUPS.items() if regimes <= some), None)
    return known or (SEVERAL if regimes <= set().union(*GROUPS.values()) else OTHERS)


def _thumbnail(folder: Path, name: str) -> dict[str, Any]:
    """The picture of a card: its address, and how much wider it is than what the card shows."""
    file = next((file for figure in FIGURES if (file := folder / f"{figure}.svg").exists()), None)
    if file is None:
        return {"image": "", "zoom": 1.0}
    head = file.read_text(encoding="utf-8", errors="replace")[:2000]
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)', head)
    width, height = map(float, size.groups()) if size else (THUMBNAIL, THUMBNAIL)
    zoom = 1.0 if width > FLAT * height else max(width / THUMBNAIL, 1.0)
    return {"image": quote(f"{name}/{file.name}"), "zoom": round(zoom, 2)}


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


def page_summary(page: Path) -> dict[str, Any] | None:
    """The summary that a page carries; None where there is no page, or one of another program."""
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
