"""Foreign kinds: students, teachers, manifolds and optimisers that are not the lab's own, for
workers to know.

A driver names them, as "students:module:Class"; a worker imports and registers them.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.data.manifolds import MANIFOLDS
from lab.data.teachers import TEACHERS
from lab.kinds.kind import load
from lab.kinds.optimisers import OPTIMISERS
from lab.kinds.student import STUDENTS
from lab.mistakes import StudyError

REGISTRIES = {"students": STUDENTS, "teachers": TEACHERS, "manifolds": MANIFOLDS,
              "optimisers": OPTIMISERS}  # fmt: skip


def named() -> list[str]:
    """The foreign kinds of this process. Raises StudyError for those that nobody can import."""
    found = [
        (registry, table.__module__, table.__qualname__)
        for registry, kinds in REGISTRIES.items()
        for table in kinds.values()
        if not table.__module__.startswith("lab.")
    ]
    for _, module, name in found:
        if module == "__main__" or "." in name:
            raise StudyError(
                [f"{name}: workers cannot import what a script or a function defines; put it at "
                 "the top of a module that the script imports, or take `--engine threads`"]
            )  # fmt: skip
    return [":".join(parts) for parts in found]


def register(names: Iterable[str]) -> None:
    """Import and register the kinds that a driver named."""
    for name in names:
        registry, _, table = name.partition(":")
        REGISTRIES[registry].add(load(table))
