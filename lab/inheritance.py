"""What a panel takes from the tables at the top of its file.

A table of a panel has its own keys and, of the table of the same name at the top, the others; so do
the tables in it. One that names its `kind`, `preset` or `data` is whole: what belongs to another
kind is not taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

WHOLE = frozenset({"kind", "preset", "data"})


@dataclass(frozen=True)
class Inheritance:
    """What one panel brings and what it finds at the top; number: which panel it is, from 1; 0 for
    a file without panels."""

    number: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)
    top: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tables(self) -> dict[str, Any]:
        """What the panel has."""
        return inherited(self.top, self.own)

    def scopes(self, place: tuple[Any, ...]) -> tuple[int, int]:
        """Where a key was written: in the panel or at the top, the likelier first."""
        return (self.number, 0) if hides(self.own, place) else (0, self.number)

    def told(self, place: tuple[Any, ...], sentence: str) -> str:
        """What is wrong there; of a table, also that a part of it is from the top if it is."""
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
    """Whether a panel lets nothing of this place be taken from the top: it has a value there, or a
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
