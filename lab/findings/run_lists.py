"""Run lists: the runs of one setting as they are stored, for those who look at single runs.

Object: every planned run of the scan with its row, None where nothing is stored, and of the checks
and limits how many are done. Nothing is fitted or judged here, and a list holds nothing of its own:
it points at the `CellRuns` of its setting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lab.execution.store import Row
from lab.findings.study_results import CellRuns, Setting, StudyResults
from lab.regimes.regime import Regime
from lab.spec import Run

MISSING = "missing"
"""The state of a run of which nothing is stored."""


@dataclass(frozen=True)
class Entry:
    """One run of the scan at its x, and its row."""

    x: float
    run: Run
    row: Row | None

    @property
    def status(self) -> str:
        """done, diverged, failed or missing."""
        return self.row.status if self.row else MISSING


@dataclass(frozen=True)
class SettingRunList:
    """The runs of one setting. Nobody judges them: no doubts, no verdict."""

    study: Regime
    setting: Setting
    cells: CellRuns
    doubts: tuple[str, ...] = ()
    verdict: str | None = None

    @property
    def label(self) -> str:
        """The setting as text."""
        return self.setting.label

    @cached_property
    def entries(self) -> list[Entry]:
        """The runs of the scan in the order of the plan."""
        return [Entry(float(self.study.x(run)), run, row) for run, row in self.cells.scan]

    @cached_property
    def others(self) -> list[Row | None]:
        """The rows of its checks and limits."""
        checks = [row for some in self.cells.checks.values() for *_, row in some]
        return checks + [row for some in self.cells.limits.values() for _, row in some]

    def plain(self) -> dict[str, Any]:
        """How many runs of the scan are in which state."""
        return dict(Counter(entry.status for entry in self.entries))


def run_lists(question: StudyResults) -> tuple[SettingRunList, ...]:
    """One per setting, in the order of the grid."""
    return tuple(SettingRunList(question.study, one.setting, one.cells) for one in question.stored)
