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

import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lab.config import merging as overriding
from lab.config import toml
from lab.config.merging import ALONE, Inheritance
from lab.config.toml import StudyText
from lab.data.task import Task
from lab.data.user_data import UserData, located
from lab.grids import ValidationPass, rules
from lab.kinds import Kinds
from lab.mistakes import MOST, Place, StudyError, placed, shown, spelled, unknown
from lab.regimes.regime import REGIMES, Origin, Regime, origin_of
from lab.spec import Planned


@dataclass(frozen=True)
class Panels:
    """Studies of one file, asked one question: `[[panel]]` tables.

    The tables at the top of the file hold for every panel, but for what it says itself: see
    `lab.config.merging`.
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
"""Content of a study file."""


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
    source = StudyText(name, text)
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
    wrong: Iterable[tuple[Place, str]], source: StudyText, panel: Inheritance = ALONE
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


def _of(tables: Mapping[str, Any], source: StudyText) -> Study:
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


def _validated(tables: Mapping[str, Any], source: StudyText, panel: Inheritance = ALONE) -> Regime:
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
        found = table.model_validate(known, context=ValidationPass.TYPES)
    except ValidationError as error:
        wrong += places(error, table, tables=known, others={**REGIMES})
    try:
        read = found or table.model_validate(known, context=ValidationPass.LEFT)
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
        for table in (Task, UserData, Regime, *REGIMES.values()):
            table.model_rebuild(force=True)
        _built[0] = Kinds.version


def places(
    error: ValidationError,
    model: type[BaseModel],
    *,
    tables: Mapping[str, typing.Any],
    others: Mapping[str, type[BaseModel]],
) -> list[tuple[Place, str]]:
    """Every mistake that pydantic found: its place, and a sentence that names it.

    Args:
        model: the class that was validated, for the names that are allowed.
        tables: what it was validated from.
        others: the classes that it could have been, by name, for keys that belong to another.
    """
    found = []
    for item in error.errors(include_url=False)[: MOST + 2]:
        # between the keys stand the names of kinds and of choices, which have spaces
        last = str((item["loc"] or [""])[-1])
        foreign = item["type"] == "extra_forbidden"
        path = _keys_of(item["loc"][:-1], tables)
        path = (*path, last) if foreign or last.isidentifier() else path
        if item["type"] == "value_error":
            found.append(placed(path, str(item["ctx"]["error"])))
            continue
        if foreign:
            what = _foreign(item["loc"], model, others)
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            _, kinds = _table(model, map(str, item["loc"]))
            value = item["input"]
            named = isinstance(value, Mapping)
            path = (*path, "kind") if named else path
            what = unknown("kind", value["kind"], kinds) if named else _plain(item)
        else:
            what = _plain(item)
        found.append((path, f"{spelled(path)}: {what}"))
    return found


def _keys_of(loc: Iterable[str | int], at: typing.Any) -> Place:
    """The keys that lead to a place; of several tables in a list its number is one."""
    found: list[str] = []
    for part in loc:
        if isinstance(part, str) and part.isidentifier():
            found.append(part)
            at = at.get(part) if isinstance(at, Mapping) else None
        elif isinstance(part, int) and isinstance(at, list | tuple) and part < len(at) > 1:
            at = at[part]
            found += [str(part)] if isinstance(at, Mapping) else []
    return tuple(found)


def _plain(item: typing.Any) -> str:
    kind, value = item["type"], item.get("input")
    if kind == "missing":
        return "is missing, and needed here"
    if kind == "literal_error":
        known = re.findall(r"'([^']+)'", item["ctx"]["expected"]) or [item["ctx"]["expected"]]
        names = [p for p in item["loc"] if isinstance(p, str) and p.isidentifier()]
        return unknown(names[-1] if names else "value", value, known)
    if kind == "too_short":
        return "an empty grid; give at least one value"
    if kind == "string_too_short":
        return "is empty; write some text"
    if kind == "finite_number":
        return f"{shown(value)} is not finite; give a finite number"
    if kind.startswith(("greater_than", "less_than")):
        return f"{shown(value)} is out of range: {item['msg'][0].lower()}{item['msg'][1:]}"
    message = re.sub(r"^Input should be", "expected", item["msg"])
    if kind in ("union_tag_not_found", "model_type", "model_attributes_type", "dict_type"):
        message = "expected a table"
    return f"{shown(value)} is of the wrong type: {message}"


def _foreign(loc: tuple, model: type[BaseModel], others: Mapping[str, type[BaseModel]]) -> str:
    """Sentence on a key that its table does not have, and whose it is."""
    *parents, last = map(str, loc)
    table, kinds = _table(model, parents)
    for told, candidates in (
        ("kind", kinds),
        ("regime", {name: _table(other, parents)[0] for name, other in others.items()}),
    ):
        whose = [name for name, other in candidates.items() if other and last in _keys(other)]
        if whose:
            names = ", ".join(f'"{name}"' for name in whose)
            return f"unknown key '{last}' here; it belongs to {told} = {names}"
    return unknown("key", last, _keys(table) if table else ())


def _table(
    model: type[BaseModel], parents: Iterable[str]
) -> tuple[type[BaseModel] | None, Mapping[str, type[BaseModel]]]:
    """The table at a place of a file, None where there is none; and the kinds that it could be."""
    kinds: Mapping[str, type[BaseModel]] = {}
    for part in parents:
        if part.startswith("kind ") and part[5:] in kinds:
            model = kinds[part[5:]]
            continue
        named = (f for name, f in model.model_fields.items() if part == (f.alias or name))
        field = next(named, None)
        if not field and part.isdecimal():  # an entry of a list of tables
            continue
        inner = [*_models(field.annotation)] if field else []
        if not field or not inner:
            return None, {}
        model = inner[0]
        kinds = next((dict(m.kinds) for m in field.metadata if hasattr(m, "kinds")), {})
    return model, kinds


def _keys(model: type[BaseModel]) -> list[str]:
    """The names that a table allows."""
    return [f.alias or k for k, f in model.model_fields.items()]


def _models(annotation: typing.Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
