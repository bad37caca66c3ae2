"""Kinds: tables of a study file that name which of several things they are, by their key `kind`.

A registry maps the name of a kind to its table. `OneOf` makes a field of a table take any of them,
so that a key of another kind is an unknown key. Registering another kind, from anywhere, is one
decorator: `@STUDENTS.add`.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from lab.grids import Table

_Table = TypeVar("_Table", bound=type[Table])
_versions = itertools.count(1)


class Kinds(Mapping[str, Any]):
    """Tables by the name of their kind, in the order in which they were added."""

    version = 0
    """Grows with every kind of every registry; who caches what depends on them compares it."""

    def __init__(self, default: str, *, key: str = "kind") -> None:
        self.default, self.key = default, key
        self._tables: dict[str, type[Table]] = {}

    def add(self, table: _Table) -> _Table:
        """Register a table under the one value of its key."""
        fields: dict[str, Any] = table.__pydantic_fields__
        self._tables[fields[self.key].default] = table
        Kinds.version = next(_versions)
        return table

    def remove(self, table: type[Table]) -> None:
        """Forget a table."""
        self._tables.pop(table.model_fields[self.key].default)
        Kinds.version = next(_versions)

    def __getitem__(self, kind: str) -> Any:
        return self._tables[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class OneOf:
    """Annotation of a field that holds a table of any kind of a registry."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def tag(value: Any) -> str | None:
            if isinstance(value, Mapping):
                kind = value.get("kind", self.kinds.default)
                return tagged(kind) if isinstance(kind, str) else None
            return tagged(getattr(value, self.kinds.key)) if isinstance(value, Table) else None

        choices = {tagged(kind): handler.generate_schema(t) for kind, t in self.kinds.items()}
        return core_schema.tagged_union_schema(choices, discriminator=tag)


def tagged(kind: str) -> str:
    """The name of a kind among the places of a mistake, where no key looks like it."""
    return f"kind {kind}"


def load(name: str) -> Any:
    """Import what "module:attribute" names. Kinds name the code that computes them so, for a study
    file is checked without that code."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found
