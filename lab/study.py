"""A study: a question, its grid and its prediction, as validated, frozen values.

`read(path)` gives the study of a TOML file, or raises `StudyError` with every mistake of the file
at once, each a sentence with its line. What it gives has a `plan`, the flat list of everything that
has to be trained: `Run` values that hold nothing but plain resolved settings. The fingerprint of a
`Run` is its identity in the store.

A file has one regime (`lab.regimes`), or asks its question of several panels, `[[panel]]` tables
with a regime each: `Panels`.

Knows nothing of JAX, of paths or of what a run costs: see `lab.execution`.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab.kinds.kind import Kinds
from lab.mistakes import StudyError, places, sentences, unknown
from lab.regimes.origin import Origin, origin_of
from lab.regimes.regime import REGIMES, Regime
from lab.spec import Planned
from lab.tables.task import Task


@dataclass(frozen=True)
class Panels:
    """Studies of one file, asked one question: `[[panel]]` tables.

    A table at the top of the file holds for every panel that does not bring its own.
    """

    question: str
    panels: tuple[Regime, ...]
    origin: Origin = Origin()

    def of(self, origin: Origin) -> Panels:
        """The same study, read from there."""
        return replace(self, origin=origin)

    @cached_property
    def plan(self) -> tuple[Planned, ...]:
        """Every run of every panel; what two panels have in common stands once."""
        return tuple(dict.fromkeys(p for study in self.panels for p in study.plan))

    @property
    def scans(self) -> tuple[Regime, ...]:
        """The studies that scan one quantity each."""
        return tuple(scan for study in self.panels for scan in study.scans)


Study = Regime | Panels
"""What a study file holds."""


def read(path: str | Path, overrides: Sequence[str] = ()) -> Study:
    """The study in a TOML file, with overrides such as `training.steps=2000` applied.

    An override of a panel, `panel.1.training.steps=2000`, leaves the other keys of the table that
    the panel has, be it its own or the one at the top of the file.

    Raises StudyError with all mistakes of the file, one sentence each.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = f"`lab init {path}` writes a study to start from"
        raise StudyError([f"{path}: no such file; {remedy}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError([f"{path}: cannot be read as text ({error})"]) from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError([f"{path}: not TOML: {error}"]) from None
    return of_tables(tables, overrides, text=text, name=str(path))


def of_tables(
    tables: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    text: str = "",
    name: str = "study",
) -> Study:
    """The study of parsed tables, with overrides applied to a copy of them."""
    own = copy.deepcopy(dict(tables))
    for override in sorted(overrides, key=lambda text: text.strip().startswith("panel.")):
        _apply(own, override)
    file = name if text else None
    return validate(own, text=text, name=name).of(origin_of(tables, overrides, file))


def validate(tables: Mapping[str, Any], *, text: str = "", name: str = "study") -> Study:
    """A study from parsed tables; `text` gives the line numbers of the mistakes."""
    if "panel" not in tables:
        return _validated(tables, text=text, name=name, panel=0)
    shared = {key: value for key, value in tables.items() if key != "panel"}
    panels = tables["panel"]
    if not isinstance(panels, list) or not panels or not all(isinstance(p, dict) for p in panels):
        raise StudyError([f"{name}: panel: expected tables; begin each with a line [[panel]]"])
    found: list[Regime] = []
    mistakes: list[str] = []
    for number, own in enumerate(panels, start=1):
        common = sorted({"schema", "question", "seed"} & own.keys())
        mistakes += [f"{name}: panel {number}: {key}: is the same in all panels; give it once, at "
                     "the top" for key in common]  # fmt: skip
        title = own.get("title", own.get("regime", ""))
        if title in [study.title for study in found]:
            mistakes.append(f"{name}: panel {number}: title: '{title}' is another panel's too; "
                            "give each its own")  # fmt: skip
        both = {**shared, **own, "title": title}
        try:
            found.append(_validated(both, text=text, name=name, panel=number))
        except StudyError as error:
            mistakes += error.mistakes
    if mistakes:
        raise StudyError(mistakes)
    return Panels(found[0].question, tuple(found))


def _validated(tables: Mapping[str, Any], *, text: str, name: str, panel: int) -> Regime:
    table, wrong = _regime(tables)
    own = table.model_fields
    known = {
        key: value for key, value in tables.items() if not wrong or key in own or key == "schema"
    }
    try:
        found = table.model_validate(known | ({"regime": ""} if wrong else {}))
    except ValidationError as error:
        wrong += places(error, table, others={**REGIMES})
    if wrong:
        raise StudyError(sentences(wrong, text=text, name=name, panel=panel))
    return found


def _regime(tables: Mapping[str, Any]) -> tuple[type[Regime], list[tuple[str, str]]]:
    """The class of a file's regime; without one the tables that all have, and the mistake."""
    _current()
    name = tables.get("regime")
    if isinstance(name, str) and name in REGIMES:
        return REGIMES[name], []
    if "regime" not in tables:
        return Regime, [("regime", f"is missing, and needed; the regimes are {', '.join(REGIMES)}")]
    return Regime, [("regime", unknown("regime", name, REGIMES))]


_built = [Kinds.version]


def _current() -> None:
    """Let the tables take kinds and regimes that were registered since they were defined."""
    if _built[0] != Kinds.version:
        for table in (Task, Regime, *REGIMES.values()):
            table.model_rebuild(force=True)
        _built[0] = Kinds.version


def _apply(tables: Any, override: str) -> None:
    key, sign, value = override.partition("=")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"] if sign else None
    except tomllib.TOMLDecodeError:
        parsed = None
    if parsed is None:
        raise StudyError(
            [f"--set {override}: expected key=value with a TOML value, as in training.steps=2000"]
        )
    *parents, last = names = key.strip().split(".")
    shared, panels = tables, tables.get("panel")
    own = [n for n, panel in enumerate(panels if isinstance(panels, list) else (), start=1)
           if isinstance(panel, dict) and names[0] in panel]  # fmt: skip
    if own:
        bring = "panel {} brings its" if len(own) == 1 else "panels {} bring their"
        raise StudyError(
            [f"--set {override}: {bring.format(', '.join(map(str, own)))} own '{names[0]}', which "
             "hides this one; set it panel by panel, as in "
             f"--set panel.{own[0]}.{override.strip()}"]
        )  # fmt: skip
    for depth, parent in enumerate(parents):
        if isinstance(tables, list):
            if not (parent.isdecimal() and 1 <= int(parent) <= len(tables)):
                raise StudyError(
                    [f"--set {override}: the panels are 1 to {len(tables)}, as in "
                     "panel.1.training.steps=2000"]
                )  # fmt: skip
            tables = tables[int(parent) - 1]
        else:
            common = shared.get(parent, {}) if names[0] == "panel" and depth == 2 else {}
            tables = tables.setdefault(parent, copy.deepcopy(common))
        if not isinstance(tables, dict | list):
            raise StudyError([f"--set {override}: '{parent}' is a value, not a table"])
    if isinstance(tables, list):
        raise StudyError([f"--set {override}: say which panel, as in panel.1.title='first'"])
    tables[last] = parsed
