"""A question: one study beside the store that shall answer it, as finders are given it.

Object: the scans of the study as they are stored, setting by setting, and the findings that other
kinds build on. Both are worked out once, however many finders ask: contrasts take the exponents
that are there, and nothing is fitted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lab.execution.store import Row, Store
from lab.findings.cells import Cells, cells_of
from lab.findings.setting import Setting, varies
from lab.regimes.cell import Key, Values
from lab.regimes.origin import Origin
from lab.regimes.regime import Regime
from lab.spec import Run


@dataclass(frozen=True)
class Stored:
    """The runs of one setting with their rows."""

    setting: Setting
    cells: Cells

    @cached_property
    def done(self) -> list[tuple[Run, Row]]:
        """The finished runs of the scan."""
        return [(run, row) for run, row in self.cells.scan if row and row.status == "done"]


@dataclass(frozen=True)
class Question:
    """A study, its store, and how each kind of finding is found.

    replicates: of the bootstrap of exponents. fitted: instead of the regime's reading, where an
    older table is read, see `lab.findings.older`. origin, place: the file that it was read from,
    and what goes before the keys of an override of this panel, as in "panel.2.".
    """

    study: Regime
    store: Store
    finders: Mapping[str, Callable[[Question], tuple]]
    replicates: int = 2000
    fitted: Callable[[Regime, Stored], Values] | None = None
    origin: Origin = Origin()
    place: str = ""
    _found: dict[Any, tuple] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def cells(self) -> dict[Key, Cells]:
        """The cells of every setting, in the order of the grid."""
        return cells_of(self.study, self.store)

    @cached_property
    def stored(self) -> tuple[Stored, ...]:
        """Every setting in the order of the grid, stored or not."""
        found = self.cells
        varying = varies(found)
        return tuple(
            Stored(Setting.of(self.study, cells.scan[0][0], key, varying), cells)
            for key, cells in found.items()
        )

    def reading(self, one: Stored) -> Values:
        """What is fitted of a setting."""
        if self.fitted is not None:
            return self.fitted(self.study, one)
        return self.study.reading(one.done, one.cells.limit())

    def found(self, kind: str) -> tuple:
        """The findings of a kind, found when first asked for.

        Raises LookupError for a kind that nobody finds.
        """
        if kind not in self.finders:
            known = ", ".join(self.finders)
            raise LookupError(
                f"'{kind}' is no kind of finding; those known are {known}. "
                "Register its finder in lab.findings.finders.FINDERS."
            )
        return self.once(self.finders[kind])

    def once(self, find: Callable[[Question], tuple]) -> tuple:
        """What a function finds in this question, worked out when first asked for."""
        if find not in self._found:
            self._found[find] = tuple(find(self))
        return self._found[find]
