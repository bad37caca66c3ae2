"""What a panel takes from the tables at the top of its file.

A table of a panel has its own keys and, of the table of the same name at the top, the others; so do
the tables in it. One that names its `kind`, `preset` or `data` is whole: what belongs to another
kind is not taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WHOLE = frozenset({"kind", "preset", "data"})


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
