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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lab import overrides as overriding
from lab import toml
from lab.grids import Reading, rules
from lab.inheritance import ALONE, Inheritance
from lab.kinds.kind import Kinds
from lab.mistakes import Place, StudyError, placed, unknown
from lab.refused import places
from lab.regimes.regime import REGIMES, Origin, Regime, origin_of
from lab.spec import Planned
from lab.tables.given import Given, located
from lab.tables.task import Task
from lab.toml import Source


@dataclass(frozen=True)
class Panels:
    """Studies of one file, asked one question: `[[panel]]` tables.

    The tables at the top of the file hold for every panel, but for what it says itself: see
    `lab.inheritance`.
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

    Raises StudyError with all mistakes of the file and of the overrides, one sentence each.
    """
    path = Path(path)
    text = toml.text(path)
    return of_tables(toml.tables(text, str(path)), overrides, text=text, name=str(path))


def of_tables(
    tables: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    text: str = "",
    name: str = "study",
) -> Study:
    """The study of parsed tables, with overrides applied to a copy of them."""
    source = Source(name, text)
    refused = [*toml.refusals(tables)]
    if refused:
        raise StudyError(sentences(refused, source))
    own, applied, wrong = overriding.apply(tables, overrides)
    source = replace(source, overrides=applied)
    refused = [*toml.refusals(own)]
    if refused:
        raise StudyError([*wrong, *sentences(refused, source)])
    try:
        found = _of(own, source)
    except StudyError as error:
        raise StudyError([*wrong, *error.mistakes]) from None
    if wrong:
        raise StudyError(wrong)
    return found.of(origin_of(tables, overrides, name if text else None))


def validate(tables: Mapping[str, Any], *, text: str = "", name: str = "study") -> Study:
    """A study from parsed tables; `text` gives the line numbers of the mistakes."""
    return of_tables(tables, text=text, name=name)


def sentences(
    wrong: Iterable[tuple[Place, str]], source: Source, panel: Inheritance = ALONE
) -> list[str]:
    """One sentence per mistake with where it was written, lines of the file in their order.

    Args:
        wrong: the place and what is wrong there.
        panel: which of the file's [[panel]] tables was validated, and what it took from the top.
    """
    where = f"panel {panel.number}: " if panel.number else ""
    found = {(*source.cite(place, *panel.scopes(place)), panel.told(place, sentence))
             for place, sentence in wrong}  # fmt: skip
    return [f"{cited}: {where}{sentence}" for _, cited, sentence in sorted(found)]


def _of(tables: Mapping[str, Any], source: Source) -> Study:
    if "panel" not in tables:
        return _validated(tables, source)
    name = source.name
    shared = {key: value for key, value in tables.items() if key != "panel"}
    panels = tables["panel"]
    if not isinstance(panels, list) or not panels or not all(isinstance(p, dict) for p in panels):
        cited = source.cite(("panel",))[1]
        raise StudyError([f"{cited}: panel: expected tables; begin each with a line [[panel]]"])
    found: list[Regime] = []
    titles: list[Any] = []
    mistakes: list[str] = []
    for number, own in enumerate(panels, start=1):
        common = sorted({"schema", "question", "seed"} & own.keys())
        mistakes += [f"{name}: panel {number}: {key}: is the same in all panels; give it once, at "
                     "the top" for key in common]  # fmt: skip
        regime = own.get("regime")
        title = own.get("title", regime if isinstance(regime, str) and regime else None)
        if title is not None and title in titles:
            mistakes.append(f"{name}: panel {number}: title: '{title}' is another panel's too; "
                            "give each its own")  # fmt: skip
        titles.append(title)
        panel = Inheritance(number, own, shared)
        both = panel.tables | ({} if title is None else {"title": title})
        try:
            found.append(_validated(both, source, panel))
        except StudyError as error:
            mistakes += error.mistakes
    if mistakes:
        raise StudyError(mistakes)
    return Panels(found[0].question, tuple(found))


def _validated(tables: Mapping[str, Any], source: Source, panel: Inheritance = ALONE) -> Regime:
    """The regime of these tables. What its tables say of themselves and of each other is asked of
    all that could be read, so that one mistake hides no other."""
    task = tables.get("task")
    if isinstance(task, Mapping) and "data" in task:
        there = located(task["data"], Path(source.name).parent)
        tables = {**tables, "task": {**task, "data": there}}
    table, wrong = _regime(tables)
    fields = {*table.model_fields, "schema"}
    known = {key: value for key, value in tables.items() if not wrong or key in fields}
    known |= {"regime": ""} if wrong else {}
    found = None
    try:
        found = table.model_validate(known, context=Reading.TYPES)
    except ValidationError as error:
        wrong += places(error, table, tables=known, others={**REGIMES})
    try:
        read = found or table.model_validate(known, context=Reading.LEFT)
    except ValidationError:  # not a table at all
        read = None
    if read is not None:
        wrong += [placed(place, sentence) for place, sentence in rules(read)]
    if wrong or found is None:
        raise StudyError(sentences(wrong, source, panel))
    return found


def _regime(tables: Mapping[str, Any]) -> tuple[type[Regime], list[tuple[Place, str]]]:
    """The class of a file's regime; without one the tables that all have, and the mistake."""
    _current()
    name = tables.get("regime")
    if isinstance(name, str) and name in REGIMES:
        return REGIMES[name], []
    if "regime" not in tables:
        known = ", ".join(REGIMES)
        return Regime, [(("regime",), f"regime: is missing, and needed; the regimes are {known}")]
    return Regime, [(("regime",), f"regime: {unknown('regime', name, REGIMES)}")]


_built = [Kinds.version]


def _current() -> None:
    """Let the tables take kinds and regimes that were registered since they were defined."""
    if _built[0] != Kinds.version:
        for table in (Task, Given, Regime, *REGIMES.values()):
            table.model_rebuild(force=True)
        _built[0] = Kinds.version
