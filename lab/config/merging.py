"""Tables of a study that are merged: a panel's with those at the top, a file's with its overrides.

A table of a panel has its own keys and, of the table of the same name at the top, the others; so do
the tables in it. One that names its `kind`, `preset` or `data` is whole: what belongs to another
kind is not taken over.

An override, `training.steps=2000` as `--set` takes it, has one key and one TOML value. In a file
with panels `panel.1.training.steps=2000` sets one panel's, and leaves the other keys of the table
that the panel has, be they its own or taken from the top of the file.
"""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lab.config.toml import tables as parsed
from lab.mistakes import LONGEST, Place, StudyError, one_line

WHOLE = frozenset({"kind", "preset", "data"})


@dataclass(frozen=True)
class Inheritance:
    """Tables of one panel and those at the top; number: which panel it is, from 1; 0 for
    a file without panels."""

    number: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)
    top: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[str, Any]:
        """Tables of the panel, completed from the top."""
        return inherited(self.top, self.own)

    def scopes(self, place: tuple[Any, ...]) -> tuple[int, int]:
        """Places where a key may be written: in the panel or at the top, the likelier first."""
        return (self.number, 0) if hides(self.own, place) else (0, self.number)

    def told(self, place: tuple[Any, ...], sentence: str) -> str:
        """The sentence of a mistake; for a table, also that a part of it is from the top."""
        alone: Any = self.own
        both: Any = self.tables
        for key in place:
            alone, both = (at.get(key) if isinstance(at, Mapping) else None for at in (alone, both))
        if not place or not isinstance(alone, Mapping) or alone == both:
            return sentence
        return (
            f"{sentence}; part of this table is from the top of the file, from where one is "
            "completed that names no kind, preset or data of its own"
        )


ALONE = Inheritance()
"""A file without panels."""


def inherited(top: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a panel with what they take from those at the top."""
    found = {**top, **own}
    for key, value in own.items():
        common = top.get(key)
        if isinstance(common, Mapping) and not _whole(value):
            found[key] = inherited(common, value)
    return found


def hides(own: Mapping[str, Any], place: tuple[Any, ...]) -> bool:
    """True if a panel lets nothing of this place be taken from the top: it has a value there, or a
    whole table on the way."""
    at: Any = own
    for key in place:
        if key not in at:
            return False
        at = at[key]
        if _whole(at):
            return True
    return True


def _whole(value: Any) -> bool:
    return not isinstance(value, Mapping) or not WHOLE.isdisjoint(value)


class _Refused(Exception):
    """An override that cannot be applied; its text is the second half of a sentence."""


def apply(
    tables: Mapping[str, Any], overrides: Sequence[str]
) -> tuple[dict[str, Any], dict[tuple[int, Place], str], list[str]]:
    """A copy of the tables with overrides applied, the text of each by panel and place, and what
    is wrong with the others."""
    own = copy.deepcopy(dict(tables))
    applied: dict[tuple[int, Place], str] = {}
    wrong: list[str] = []
    for text in sorted(overrides, key=lambda text: text.strip().startswith("panel.")):
        try:
            key, value = _read(text)
            applied[_set(own, key, value, text.strip())] = _told(text)
        except _Refused as why:
            wrong.append(f"--set {_told(text)}: {why}")
    return own, applied, wrong


def _told(text: str) -> str:
    """An override in one line that is not too long."""
    text = one_line(text.strip())
    return text if len(text) <= 120 else f"{text[:119]}…"


def _read(text: str) -> tuple[Place, Any]:
    """The key and the value of an override."""
    key, sign, value = text.partition("=")
    names = tuple(name.strip() for name in key.split("."))
    if not sign or not all(re.fullmatch(r"[\w-]+", name) for name in names):
        raise _Refused("expected key=value with a TOML value, as in training.steps=2000")
    try:
        found = parsed(f"value = {value}", "value")
    except StudyError as error:
        bare = value.strip()
        if len(bare) < LONGEST and re.fullmatch(r"[^\s'\"\[\]{}=#][^'\"\[\]{}=\n]*", bare):
            quoted = shlex.quote(f'{key.strip()}="{bare}"')
            raise _Refused(
                f"{bare} is no TOML value, expected key=value with one; text stands in quotes, as "
                f"in --set {quoted}"
            ) from None
        why = error.mistakes[0].removeprefix("value: not TOML: ")
        raise _Refused(f"expected key=value with a TOML value ({why})") from None
    if found.keys() != {"value"}:
        raise _Refused("sets more than one key; give each its own --set")
    return names, found["value"]


def _entry(tables: list[Any], names: Place, depth: int) -> tuple[int, bool]:
    """Index of the table of a list that the keys before `depth` mean: the number that follows,
    from 0, and then True, or the only table."""
    name, number = ".".join(names[:depth]), names[depth]
    if not tables or not all(isinstance(one, dict) for one in tables):
        raise _Refused(f"'{names[depth - 1]}' is a list; set it as a whole")
    if re.fullmatch(r"[0-9]{1,6}", number):
        if int(number) < len(tables):
            return int(number), True
        raise _Refused(f"the tables '{name}' are 0 to {len(tables) - 1}")
    if len(tables) > 1:
        rest = ".".join(names[depth:])
        raise _Refused(
            f"there are {len(tables)} tables '{name}'; say which, from 0, as in {name}.0.{rest}"
        )
    return 0, False


def _set(tables: dict[str, Any], names: Place, value: Any, text: str) -> tuple[int, Place]:
    """Set a value in place; returns the panel (0: none) and the place."""
    *parents, last = names
    panels = tables.get("panel")
    own = [number for number, panel in enumerate(panels if isinstance(panels, list) else (), 1)
           if isinstance(panel, dict) and hides(panel, names)]  # fmt: skip
    if own:
        bring = "panel {} brings its" if len(own) == 1 else "panels {} bring their"
        raise _Refused(
            f"{bring.format(', '.join(map(str, own)))} own '{names[0]}', which hides this one; set "
            f"it panel by panel, as in --set panel.{own[0]}.{text}"
        )
    at: Any = tables
    for depth, parent in enumerate(parents):
        if isinstance(at, list) and names[0] == "panel" and depth == 1:
            number = int(parent) if re.fullmatch(r"[0-9]{1,6}", parent) else 0
            if not 1 <= number <= len(at):
                raise _Refused(f"the panels are 1 to {len(at)}, as in panel.1.training.steps=2000")
            at = at[number - 1]
            numbered = True
        else:
            numbered = False
            if isinstance(at, list):
                which, numbered = _entry(at, names, depth)
                at = at[which]
        if not numbered:
            if names[0] == "panel" and depth == 2:
                at[parent] = copy.deepcopy(inherited(tables, {parent: at.get(parent, {})})[parent])
            at = at.setdefault(parent, {})
        if not isinstance(at, dict | list):
            raise _Refused(f"'{parent}' is a value, not a table")
    if isinstance(at, list):
        if names[0] == "panel" and len(parents) == 1:
            raise _Refused("say which panel, as in panel.1.title='first'")
        which, numbered = _entry(at, names, len(parents))
        if numbered:
            raise _Refused(f"set a key of it, as in {'.'.join(names)}.tolerance=0.1")
        at = at[which]
    at[last] = value
    if isinstance(panels, list) and names[0] == "panel" and len(names) > 2:
        return int(names[1]), names[2:]
    return 0, names
