"""The origin of a study: the file and the tables that it was read from, and what overrode them.

It is no part of what a study is: studies that differ in nothing else are equal, and no run knows of
it. The store keeps it (`lab.execution.registration`), so that two files of one name are told apart
and a report names the overrides under which it was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Origin:
    """file: as it was named, None for tables. tables: sha256 of them, before the overrides, in hex;
    None for a study that was not read. overrides: such as "training.steps=2000". argv: the words
    after `lab` of the command that trains it, where one does."""

    file: str | None = field(default=None, compare=False)
    tables: str | None = field(default=None, compare=False)
    overrides: tuple[str, ...] = field(default=(), compare=False)
    argv: tuple[str, ...] = field(default=(), compare=False)


def origin_of(tables: Mapping[str, Any], overrides: Sequence[str], file: str | None) -> Origin:
    """The origin of a study of these tables, as they stood before the overrides."""
    text = json.dumps(tables, sort_keys=True, default=str)
    named = tuple(override.strip() for override in overrides)
    return Origin(file, hashlib.sha256(text.encode()).hexdigest(), named)
